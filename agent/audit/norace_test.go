//go:build !race

package audit

const powerCuts = 3000
