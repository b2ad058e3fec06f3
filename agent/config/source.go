package config

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// Source is one system that records are read from.
type Source struct {
	Name     string          // unique at the site
	Kind     string          // kind of connector, known to the catalogue
	Origin   care.Origin     // what its records say about where they come from
	Sections care.SectionSet // the sections to ask it for
	Consent  SourceConsent   // how its consent codes are read
	Settings any             // what the catalogue returned, filled in; nil when the kind takes none
}

// sourceText is a source as the file has it.
type sourceText struct {
	// Name in the journal and in answers: lower-case letters, digits and "-".
	Name string `yaml:"name,required"`

	// Kind of connector.
	Kind string `yaml:"kind,required"`

	// Product, such as "EMIS Web", as shown to those who read the records.
	System string `yaml:"system"`

	// ODS code of the organisation whose records these are. Without it: the
	// site's.
	Organisation care.ODSCode `yaml:"organisation"`

	// Name of that organisation, needed where it is not the site. Without it:
	// the site's.
	OrganisationName string `yaml:"organisation_name"`

	// Sections to read from this source, where it should not serve all it can;
	// or ALL.
	Sections care.SectionSet `yaml:"sections"`

	// How the consent codes of this source are read.
	Consent SourceConsent `yaml:"consent"`

	// Settings of the connector; see the page of its kind.
	Settings deferred `yaml:"settings"`
}

// newSourceText returns what holds where the file says nothing.
func newSourceText() sourceText {
	return sourceText{Sections: care.AllSections, Consent: SourceConsent{Every: 15 * time.Minute, MaxAge: 24 * time.Hour}}
}

// deferred is a part of the file that is read once its type is known.
type deferred struct{ node ast.Node }

func (s *deferred) unmarshalNode(_ *decoder, n ast.Node, _ string) { s.node = n }

func (s *Source) unmarshalNode(d *decoder, n ast.Node, path string) {
	text := newSourceText()
	d.structure(reflect.ValueOf(&text).Elem(), n, path)
	s.Name, s.Kind, s.Sections, s.Consent = text.Name, text.Kind, text.Sections, text.Consent
	s.Origin = care.Origin{Source: text.Name, System: text.System,
		Organisation: text.Organisation, OrganisationName: text.OrganisationName}
	if text.Kind != "" {
		s.Settings = d.settings(text, path)
	}
}

// settings reads a source's settings into what its connector wants.
func (d *decoder) settings(text sourceText, path string) any {
	settings, known := d.catalogue.NewSettings(text.Kind)
	if !known {
		kinds := slices.Sorted(slices.Values(d.catalogue.Kinds()))
		d.report(path+".kind", d.quote(text.Kind, d.placeOf(path+".kind"))+
			" is not a kind of connector in this build"+didYouMean(text.Kind, kinds))
		return nil
	}
	path += ".settings"
	v := reflect.ValueOf(settings)
	switch isStruct := v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct; {
	case !isStruct && text.Settings.node != nil:
		d.report(path, "this kind of connector takes no settings; delete the key")
		return settings
	case !isStruct:
		return settings
	case text.Settings.node == nil:
		d.fill(v.Elem(), nil, path)
	default:
		d.value(v.Elem(), text.Settings.node, path)
	}
	if checked, ok := settings.(interface{ Validate() []care.Problem }); ok {
		for _, p := range checked.Validate() {
			d.report(path+strings.TrimPrefix(p.Path, "$"), cmp.Or(p.Detail, "is not valid"))
		}
	}
	return settings
}
