package all_test

import (
	"slices"
	"testing"

	"github.com/mycarerecord/edge-agent/connectors/all"
)

func TestRegistryHoldsTheKindsOfThisBuild(t *testing.T) {
	r := all.Registry() // it would panic on an incomplete kind
	if !slices.Contains(r.Kinds(), "sql") {
		t.Errorf("Kinds() = %q, without sql", r.Kinds())
	}
	for _, kind := range r.Kinds() {
		if settings, ok := r.NewSettings(kind); !ok || settings == nil {
			t.Errorf("kind %q has no settings", kind)
		}
	}
}
