package main

const introduction = `# Columns of SQL views and CSV files

For the person who looks after the site's database. This file is generated from
the code; do not edit it.

The agent asks for one table of rows per section of the record. You write a
SELECT, usually over a view, or export a CSV file, whose columns have the names
below. You need not know FHIR: the agent makes it from these columns.

* Offer the columns you have. Only those marked required must be there. A column
  with a name that is not listed here is a fault of the configuration, so that a
  misspelt one is found at once.
* NULL or an empty text means: the source does not say. Do not fill in what you
  do not know. Above all, leave a status empty rather than guess it.
* Give every row that the source holds, undated ones too. Do not leave out
  confidential rows: mark them ` + "`confidential`" + `. The agent withholds them and
  tells the reader that something was withheld.
* A row that does not fit makes its whole section fail, loudly, with the row's
  id and the column in the agent's log. It is never skipped. This is for the
  patient's safety: a missing allergy must not look like none.
* Ids are those of your system and stay the same. Columns that end in ` + "`_id`" + ` or
  ` + "`_ids`" + ` refer to the ids of other rows.

`

const types = `## Types

| type | what to give |
|---|---|
| Text | Any text, at most 1 MiB, in UTF-8. |
| Code | A code or key; surrounding spaces are ignored. Whole numbers are taken as their digits. Never use a floating-point column: SNOMED CT codes have up to 18 digits. |
| DateTime | A date column, a timestamp, or a text: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with or without an offset. Times without an offset are local time in the zone that the connector is set to, normally Europe/London. |
| Date | A date; a time of day is ignored and never moves the date. |
| Number | A decimal number. Where trailing zeros matter (7.10), give it as a text or a decimal column. |
| Bool | A boolean, 1 or 0, Y or N, yes or no, true or false. |
| Integer | A whole number that is not negative. |

`

const special = `Three more columns are the same in every section:

| column | type | meaning |
|---|---|---|
| ` + "`deleted`" + ` | Bool | True when the row was deleted or entered in error: it is neither served nor counted. |
| ` + "`nhs_number`" + ` | Code | NHS number of the patient whose row it is, as a guard: offer it where the table holds it. A row with another one, or with none, makes the source fail, so that a wrong join or a key that was used again is found before it is shown. |
| ` + "`record_type`" + ` | Code | In sections with several kinds of row: which kind it is. **Required** there. |

Columns that end in ` + "`_code`, `_code_system`, `_code_display`" + ` and ` + "`_text`" + ` belong
together: a code, its code system, the term of the code, and the text that the
user saw. The text is kept although there is a code. Where your system holds a
Read code and its SNOMED CT translation, give the SNOMED CT code as ` + "`code`" + ` and
the Read code as ` + "`original_code`" + `.

`

const example = "## Example\n\n" + `A view for INVESTIGATIONS over two imaginary tables. Reports and results are two
kinds of row of one section, so the view is a UNION ALL of two SELECTs that name
the same columns; what one kind has not is NULL. The column ` + "`patient`" + ` is for the
query that the agent is given, which selects the documented columns by name.

` + "```sql" + `
CREATE VIEW mcr_investigations AS
SELECT r.patient_key                            AS patient,
       'report'                                 AS record_type,
       r.report_key                             AS id,
       r.collected_at                           AS effective,
       r.issued_at                              AS recorded_at,
       r.snomed_code                            AS code,
       CASE WHEN r.snomed_code IS NOT NULL THEN 'SNOMED' END AS code_system,
       r.title                                  AS code_text,
       NULL                                     AS status,
       'LAB'                                    AS report_category,
       NULL                                     AS category,
       NULL                                     AS report_id,
       NULL                                     AS value,
       NULL                                     AS value_comparator,
       NULL                                     AS value_unit,
       NULL                                     AS value_text,
       r.is_private                             AS confidential,
       r.comments                               AS note
FROM   lab_report r
UNION ALL
SELECT t.patient_key, 'result', t.result_key, t.collected_at, t.issued_at,
       t.snomed_code, CASE WHEN t.snomed_code IS NOT NULL THEN 'SNOMED' END, t.test_name,
       NULL, NULL, 'laboratory', t.report_key,
       t.numeric_value, t.comparator, t.unit, t.text_value,
       t.is_private, t.comments
FROM   lab_result t;

-- The query of the section. The agent binds the patient's key.
SELECT record_type, id, effective, recorded_at, code, code_system, code_text, status,
       report_category, category, report_id, value, value_comparator, value_unit,
       value_text, confidential, note
FROM   mcr_investigations
WHERE  patient = :local_id
ORDER  BY effective DESC
` + "```" + `
`
