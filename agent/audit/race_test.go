//go:build race

package audit

// powerCuts is how many power cuts TestPowerFails makes: the race detector makes
// each ten times as long, and finds nothing more in more of them.
const powerCuts = 300
