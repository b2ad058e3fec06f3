package ukcore

// Columns that every section may have beside those of its kinds of row.
const (
	// RecordType tells the kinds of row of one section apart.
	RecordType = "record_type"
	// Deleted marks rows that the source has removed.
	Deleted = "deleted"
	// NHSNumberColumn says whose a row is. A connector whose source offers it
	// compares it on every row and refuses one that is not the patient's: the
	// mapper does not know whose rows it is given. In DEMOGRAPHICS it is a column
	// of the patient as well.
	NHSNumberColumn = "nhs_number"
)

var deletedColumn = Column{Name: Deleted, Type: BoolColumn,
	Doc: "True when the row was deleted or entered in error: it is neither served nor counted."}

var numberColumn = Column{Name: NHSNumberColumn, Type: CodeColumn,
	Doc: "NHS number of the patient whose row it is, as a guard: a row with another one, or with none, makes the source fail."}

// recordType is the column that tells the layout's kinds apart.
func (l *Layout) recordType() Column {
	c := Column{Name: RecordType, Type: CodeColumn, Required: true, Doc: "Kind of the row."}
	for i := range l.Kinds {
		c.Allowed = append(c.Allowed, l.Kinds[i].Name)
	}
	return c
}
