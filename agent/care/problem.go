package care

// Problem is one fault in a configuration.
type Problem struct {
	Path   string // where: a YAML path within the settings, such as "$.queries.ALLERGIES"
	Detail string // what is wrong and what was expected; never a secret
}
