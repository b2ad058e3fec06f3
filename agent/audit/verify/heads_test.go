package verify

import "testing"

// TestIsWitness: a "+" within the base64 is no end of the name.
func TestIsWitness(t *testing.T) {
	for key, want := range map[string]bool{
		"site/journal+0a1b2c3d+AQ8HZ+Bn5":   false,
		"site/journal+0a1b2c3d+AQ8HZBn5":    false,
		"region/witness+0a1b2c3d+BAAA+An5":  true,
		"region/witness+0a1b2c3d+BAAABn5/+": true,
	} {
		if got := isWitness(key); got != want {
			t.Errorf("%s: %v", key, got)
		}
	}
}
