package records

import "github.com/mycarerecord/edge-agent/agent/care"

// Withhold names codes whose records never leave, such as those of the RCGP
// sensitive-data refsets. Only System and Code of its keys are set.
type Withhold map[care.Coding]struct{}

// NewWithhold returns the set of the given codings.
func NewWithhold(codings ...care.Coding) Withhold {
	w := make(Withhold, len(codings))
	for _, c := range codings {
		w[care.Coding{System: c.System, Code: c.Code}] = struct{}{}
	}
	return w
}

// any reports whether one of the codes is withheld.
func (w Withhold) any(codes []care.Coding) bool {
	if len(w) == 0 {
		return false
	}
	for _, c := range codes {
		if _, there := w[care.Coding{System: c.System, Code: c.Code}]; there {
			return true
		}
	}
	return false
}

// linking are the sections whose records name records of other sections: they
// wait until it is known what is withheld.
const linking care.SectionSet = 1<<care.Consultations | 1<<care.HospitalActivity | 1<<care.Referrals |
	1<<care.Appointments | 1<<care.Documents | 1<<care.UrgentCareEvents

// coded are the sections in which a code can make a record sensitive.
const coded care.SectionSet = 1<<care.Alerts | 1<<care.Allergies | 1<<care.Medications | 1<<care.Problems |
	1<<care.Consultations | 1<<care.Investigations | 1<<care.Observations | 1<<care.Immunisations |
	1<<care.Procedures | 1<<care.Referrals | 1<<care.CarePlans

// dated are the sections that a period may cut: those that are a list of
// events. What describes a present state, such as a medicine started years ago
// or an allergy, is never cut by date.
const dated care.SectionSet = 1<<care.Consultations | 1<<care.HospitalActivity | 1<<care.Investigations |
	1<<care.Observations | 1<<care.Procedures | 1<<care.Referrals | 1<<care.Recalls | 1<<care.Appointments |
	1<<care.Documents | 1<<care.UrgentCareEvents

// waiting are records that name others and are held until their source has
// been read to the end.
type waiting struct {
	records []care.Record
	bytes   int
}

// maxWaiting is how many bytes of one answer may wait.
const maxWaiting = 32 << 20

// add copies a record, because its memory is the connector's. It reports
// whether there was room.
func (w *waiting) add(r *care.Record) bool {
	if w.bytes += len(r.Resource); w.bytes > maxWaiting {
		return false
	}
	c := *r
	c.Resource = append([]byte(nil), r.Resource...)
	c.Codes = append([]care.Coding(nil), r.Codes...)
	c.Links = append([]string(nil), r.Links...)
	w.records = append(w.records, c)
	return true
}

// spread adds to the withheld ids every waiting record that names one of them,
// directly or through others.
func (w *waiting) spread(withheld map[string]struct{}) {
	for grew := true; grew; {
		grew = false
		for i := range w.records {
			r := &w.records[i]
			if _, known := withheld[r.ID]; known {
				continue
			}
			for _, link := range r.Links {
				if _, bad := withheld[link]; bad {
					withheld[r.ID] = struct{}{}
					grew = true
					break
				}
			}
		}
	}
}
