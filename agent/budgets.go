package agent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/budget"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// maxNamed is how many organisations or brokers one line of the status names.
const maxNamed = 10

// budgetAttention says who asks about so many patients that they are held back
// or refused. Organisations and brokers are named, users counted.
func budgetAttention(s *budget.Status) (attention []string) {
	var held [2][]budget.Pressed // slowed, stopped
	for _, p := range s.Pressed {
		at := 0
		if p.Stopped {
			at = 1
		}
		held[at] = append(held[at], p)
	}
	if who := pressed(held[1]); who != "" {
		attention = append(attention, "Stopped by a budget against enumeration: "+who+". See mcr-agent alerts list.")
	}
	if who := pressed(held[0]); who != "" {
		attention = append(attention, "Slowed down near a budget against enumeration: "+who+".")
	}
	if s.More > 0 {
		attention = append(attention, fmt.Sprintf("Beyond these, slowed down or stopped: %d.", s.More))
	}
	if s.Crowded {
		attention = append(attention, "So many ask that the agent cannot tell them apart any more: newcomers share one budget.")
	}
	return attention
}

// pressed lists keys, the widest first.
func pressed(keys []budget.Pressed) string {
	names, users := map[budget.Level][]string{}, 0
	for _, p := range keys {
		switch p.Level {
		case budget.Broker:
			names[p.Level] = append(names[p.Level], p.Broker)
		case budget.Organisation:
			names[p.Level] = append(names[p.Level], cmp.Or(string(p.Organisation), "(newcomers through "+p.Broker+")"))
		default:
			users++
		}
	}
	parts := slices.DeleteFunc([]string{named("broker", names[budget.Broker]), named("organisation", names[budget.Organisation])},
		func(part string) bool { return part == "" })
	if users > 0 {
		parts = append(parts, care.Count(users, "user"))
	}
	return strings.Join(parts, "; ")
}

// named returns things by their names, such as "brokers north, south".
func named(one string, names []string) string {
	switch n := len(names); {
	case n == 0:
		return ""
	case n == 1:
		return one + " " + names[0]
	case n > maxNamed:
		names = append(slices.Clip(names[:maxNamed]), fmt.Sprintf("and %d more", n-maxNamed))
	}
	return one + "s " + strings.Join(names, ", ")
}
