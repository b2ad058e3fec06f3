package tree

// Origin returns the name of the journal whose heads are signed.
func (s *Signer) Origin() string { return s.key.name }
