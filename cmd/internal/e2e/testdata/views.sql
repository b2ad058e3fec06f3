-- What the database person of a site writes: one view for each section of the
-- record that the site's tables can feed. The tables are those of a Synthea
-- CSV export, loaded as they are. Both PostgreSQL and MariaDB read this file.
--
-- A view leaves NULL what the tables do not say: no status is guessed. The
-- consultation of a row is told only where it is a row of vw_mcr_consultations.

CREATE VIEW vw_mcr_patient AS
SELECT p.id                                          AS local_id,
       n.nhs_number                                  AS nhs_number,
       '01'                                          AS nhs_number_status,
       p.last                                        AS family_name,
       p.first                                       AS given_names,
       CAST(p.birthdate AS date)                     AS birth_date,
       p.gender                                      AS gender,
       1                                             AS active,
       0                                             AS test_patient,
       0                                             AS restricted,
       0                                             AS dissent,
       p.maiden                                      AS old_family_names
FROM   patients p
JOIN   nhs_numbers n ON n.patient = p.id;

CREATE VIEW vw_mcr_demographics AS
SELECT p.id                                          AS patient,
       p.id                                          AS id,
       n.nhs_number                                  AS nhs_number,
       '01'                                          AS nhs_number_status,
       p.last                                        AS family_name,
       p.first                                       AS given_name,
       p.prefix                                      AS name_prefix,
       p.suffix                                      AS name_suffix,
       p.maiden                                      AS previous_family_name,
       CAST(p.birthdate AS date)                     AS birth_date,
       CASE p.gender WHEN 'M' THEN 'male' WHEN 'F' THEN 'female' ELSE 'unknown' END AS gender,
       CAST(p.deathdate AS date)                     AS death_date,
       p.address                                     AS address_line1,
       p.city                                        AS address_line3,
       p.county                                      AS address_line4,
       p.zip                                         AS postcode
FROM   patients p
JOIN   nhs_numbers n ON n.patient = p.id;

CREATE VIEW vw_mcr_consultations AS
SELECT e.patient                                     AS patient,
       'consultation'                                AS record_type,
       e.id                                          AS id,
       e.start                                       AS effective,
       e.stop                                        AS end_date,
       CASE e.encounterclass WHEN 'wellness' THEN 'AMB' WHEN 'ambulatory' THEN 'AMB'
            WHEN 'home' THEN 'HH' WHEN 'virtual' THEN 'VR' END AS class,
       CASE WHEN e.stop IS NULL THEN 'in-progress' ELSE 'finished' END AS status,
       e.code                                        AS type_code,
       CASE WHEN e.code IS NOT NULL THEN 'SNOMED' END AS type_code_system,
       e.description                                 AS type_text,
       e.reasoncode                                  AS reason_code,
       CASE WHEN e.reasoncode IS NOT NULL THEN 'SNOMED' END AS reason_code_system,
       e.reasondescription                           AS reason_text,
       o.name                                        AS location,
       v.name                                        AS author_name
FROM   encounters e
LEFT   JOIN organizations o ON o.id = e.organization
LEFT   JOIN providers v ON v.id = e.provider
WHERE  COALESCE(e.encounterclass, '') NOT IN ('inpatient', 'outpatient', 'emergency', 'hospice', 'snf', 'urgentcare');

CREATE VIEW vw_mcr_hospital AS
SELECT e.patient                                     AS patient,
       'encounter'                                   AS record_type,
       e.id                                          AS id,
       e.start                                       AS effective,
       e.stop                                        AS end_date,
       CASE e.encounterclass WHEN 'inpatient' THEN 'IMP' WHEN 'outpatient' THEN 'AMB' WHEN 'emergency' THEN 'EMER'
            WHEN 'hospice' THEN 'HH' WHEN 'snf' THEN 'IMP' END AS class,
       CASE WHEN e.stop IS NULL THEN 'in-progress' ELSE 'finished' END AS status,
       e.code                                        AS type_code,
       CASE WHEN e.code IS NOT NULL THEN 'SNOMED' END AS type_code_system,
       e.description                                 AS type_text,
       e.reasoncode                                  AS reason_code,
       CASE WHEN e.reasoncode IS NOT NULL THEN 'SNOMED' END AS reason_code_system,
       e.reasondescription                           AS reason_text,
       o.name                                        AS location,
       v.name                                        AS author_name
FROM   encounters e
LEFT   JOIN organizations o ON o.id = e.organization
LEFT   JOIN providers v ON v.id = e.provider
WHERE  e.encounterclass IN ('inpatient', 'outpatient', 'emergency', 'hospice', 'snf');

CREATE VIEW vw_mcr_urgent AS
SELECT e.patient                                     AS patient,
       'encounter'                                   AS record_type,
       e.id                                          AS id,
       e.start                                       AS effective,
       e.stop                                        AS end_date,
       'AMB'                                         AS class,
       CASE WHEN e.stop IS NULL THEN 'in-progress' ELSE 'finished' END AS status,
       e.code                                        AS type_code,
       CASE WHEN e.code IS NOT NULL THEN 'SNOMED' END AS type_code_system,
       e.description                                 AS type_text,
       e.reasoncode                                  AS reason_code,
       CASE WHEN e.reasoncode IS NOT NULL THEN 'SNOMED' END AS reason_code_system,
       e.reasondescription                           AS reason_text,
       o.name                                        AS location,
       v.name                                        AS author_name
FROM   encounters e
LEFT   JOIN organizations o ON o.id = e.organization
LEFT   JOIN providers v ON v.id = e.provider
WHERE  e.encounterclass = 'urgentcare';

CREATE VIEW vw_mcr_allergies AS
SELECT a.patient                                     AS patient,
       a.row_id                                      AS id,
       CAST(a.start AS date)                         AS effective,
       CAST(a.stop AS date)                          AS end_date,
       a.code                                        AS code,
       CASE a.system WHEN 'RxNorm' THEN 'RXNORM' WHEN 'SNOMED-CT' THEN 'SNOMED' END AS code_system,
       a.description                                 AS code_text,
       a.type                                        AS type,
       CASE a.category WHEN 'drug' THEN 'medication' ELSE a.category END AS category,
       a.reaction1                                   AS manifestation_code,
       CASE WHEN a.reaction1 IS NOT NULL THEN 'SNOMED' END AS manifestation_code_system,
       a.description1                                AS manifestation_text,
       LOWER(a.severity1)                            AS severity,
       c.id                                          AS consultation_id
FROM   allergies a
LEFT   JOIN vw_mcr_consultations c ON c.id = a.encounter;

CREATE VIEW vw_mcr_medications AS
SELECT m.patient                                     AS patient,
       'request'                                     AS record_type,
       m.row_id                                      AS id,
       'order'                                       AS intent,
       m.start                                       AS effective,
       m.stop                                        AS end_date,
       m.start                                       AS recorded_at,
       CASE WHEN m.stop IS NULL THEN 'active' ELSE 'stopped' END AS status,
       m.code                                        AS code,
       CASE WHEN m.code IS NOT NULL THEN 'RXNORM' END AS code_system,
       m.description                                 AS code_text,
       m.dispenses                                   AS issued,
       m.reasoncode                                  AS reason_code,
       CASE WHEN m.reasoncode IS NOT NULL THEN 'SNOMED' END AS reason_code_system,
       m.reasondescription                           AS reason_text,
       c.id                                          AS consultation_id
FROM   medications m
LEFT   JOIN vw_mcr_consultations c ON c.id = m.encounter;

CREATE VIEW vw_mcr_problems AS
SELECT d.patient                                     AS patient,
       d.row_id                                      AS id,
       CAST(d.start AS date)                         AS effective,
       CAST(d.stop AS date)                          AS end_date,
       CASE WHEN d.stop IS NULL THEN 'active' ELSE 'resolved' END AS clinical_status,
       'encounter-diagnosis'                         AS category,
       d.code                                        AS code,
       CASE WHEN d.code IS NOT NULL THEN 'SNOMED' END AS code_system,
       d.description                                 AS code_text,
       c.id                                          AS consultation_id
FROM   conditions d
LEFT   JOIN vw_mcr_consultations c ON c.id = d.encounter;

-- Laboratory results, and imaging studies as reports.
CREATE VIEW vw_mcr_investigations AS
SELECT b.patient                                     AS patient,
       'result'                                      AS record_type,
       CONCAT('', b.row_id)                          AS id,
       b.date                                        AS effective,
       b.code                                        AS code,
       CASE WHEN b.code IS NOT NULL THEN 'LOINC' END AS code_system,
       b.description                                 AS code_text,
       'laboratory'                                  AS category,
       NULL                                          AS report_category,
       CASE WHEN b.type = 'numeric' THEN b.value END AS value,
       CASE WHEN b.type = 'numeric' THEN b.units END AS value_unit,
       CASE WHEN b.type = 'numeric' THEN b.units END AS value_unit_code,
       CASE WHEN b.type = 'text' THEN b.value END    AS value_text,
       c.id                                          AS consultation_id
FROM   observations b
LEFT   JOIN vw_mcr_consultations c ON c.id = b.encounter
WHERE  b.category = 'laboratory'
UNION  ALL
SELECT i.patient, 'report', i.id, i.date, i.procedure_code, CASE WHEN i.procedure_code IS NOT NULL THEN 'SNOMED' END,
       CONCAT(i.modality_description, ', ', i.bodysite_description), NULL, 'RAD', NULL, NULL, NULL, NULL, c.id
FROM   imaging_studies i
LEFT   JOIN vw_mcr_consultations c ON c.id = i.encounter;

-- All other observations. Quality-of-life scores have no category and codes
-- that Synthea made up.
CREATE VIEW vw_mcr_observations AS
SELECT b.patient                                     AS patient,
       b.row_id                                      AS id,
       b.date                                        AS effective,
       b.code                                        AS code,
       CASE WHEN b.category IS NOT NULL THEN 'LOINC' ELSE 'http://synthetichealth.github.io/synthea' END AS code_system,
       b.description                                 AS code_text,
       b.category                                    AS category,
       CASE WHEN b.type = 'numeric' THEN b.value END AS value,
       CASE WHEN b.type = 'numeric' THEN b.units END AS value_unit,
       CASE WHEN b.type = 'numeric' THEN b.units END AS value_unit_code,
       CASE WHEN b.type = 'text' THEN b.value END    AS value_text,
       c.id                                          AS consultation_id
FROM   observations b
LEFT   JOIN vw_mcr_consultations c ON c.id = b.encounter
WHERE  b.category IS NULL OR b.category <> 'laboratory';

CREATE VIEW vw_mcr_immunisations AS
SELECT i.patient                                     AS patient,
       i.row_id                                      AS id,
       i.date                                        AS effective,
       i.code                                        AS vaccine_code,
       CASE WHEN i.code IS NOT NULL THEN 'CVX' END   AS vaccine_code_system,
       i.description                                 AS vaccine_text,
       'completed'                                   AS status,
       c.id                                          AS consultation_id
FROM   immunizations i
LEFT   JOIN vw_mcr_consultations c ON c.id = i.encounter;

CREATE VIEW vw_mcr_procedures AS
SELECT r.patient                                     AS patient,
       r.row_id                                      AS id,
       r.start                                       AS effective,
       r.stop                                        AS end_date,
       'completed'                                   AS status,
       r.code                                        AS code,
       CASE WHEN r.code IS NOT NULL THEN 'SNOMED' END AS code_system,
       r.description                                 AS code_text,
       r.reasoncode                                  AS reason_code,
       CASE WHEN r.reasoncode IS NOT NULL THEN 'SNOMED' END AS reason_code_system,
       r.reasondescription                           AS reason_text,
       c.id                                          AS consultation_id
FROM   procedures r
LEFT   JOIN vw_mcr_consultations c ON c.id = r.encounter;

CREATE VIEW vw_mcr_care_plans AS
SELECT k.patient                                     AS patient,
       k.id                                          AS id,
       CAST(k.start AS date)                         AS effective,
       CAST(k.stop AS date)                          AS end_date,
       CASE WHEN k.stop IS NULL THEN 'active' ELSE 'completed' END AS status,
       k.code                                        AS type_code,
       CASE WHEN k.code IS NOT NULL THEN 'SNOMED' END AS type_code_system,
       k.description                                 AS type_text,
       k.reasondescription                           AS description,
       c.id                                          AS consultation_id
FROM   careplans k
LEFT   JOIN vw_mcr_consultations c ON c.id = k.encounter;

-- The serial number is what follows (21) in a device's UDI.
CREATE VIEW vw_mcr_equipment AS
SELECT v.patient                                     AS patient,
       'equipment'                                   AS record_type,
       v.row_id                                      AS id,
       v.start                                       AS effective,
       CASE WHEN v.stop IS NULL THEN 'active' ELSE 'inactive' END AS status,
       v.code                                        AS code,
       CASE WHEN v.code IS NOT NULL THEN 'SNOMED' END AS code_system,
       v.description                                 AS code_text,
       SUBSTRING(v.udi, POSITION('(21)' IN v.udi) + 4) AS serial_number
FROM   devices v;
