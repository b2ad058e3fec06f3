package memory

import (
	"fmt"
	"math/rand/v2"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// resident is one person of the practice, before anything is written about
// them.
type resident struct {
	role   Role // zero for the ordinary
	number care.NHSNumber
	prefix string
	given  string
	second string
	family string
	former string // family name before marriage
	gender string
	birth  care.DateTime
	house  int
	street string
	town   string
}

// localID is the key of a resident in the practice's system.
func localID(i int) string { return fmt.Sprintf("NG%05d", i+1) }

// settle fills the practice: the cast, then people at random.
func (p *Practice) settle(size int) {
	dice := rand.New(rand.NewPCG(p.seed, 0x6e6f727468676174))
	known := map[string]bool{}
	for _, m := range cast {
		if len(p.residents) == size {
			return
		}
		r := m.resident()
		r.house, r.street, r.town = address(dice)
		r.claim(known)
		p.residents = append(p.residents, r)
	}
	for n := dice.IntN(ordinaryBodies); len(p.residents) < size; n++ {
		number, ok := testNumber(ordinaryBody + n*bodyStep%ordinaryBodies)
		if !ok {
			continue
		}
		r := p.draw(dice)
		for !r.claim(known) {
			r = p.draw(dice)
		}
		r.number = number
		p.residents = append(p.residents, r)
	}
}

// The nine digits before the check digit of an ordinary resident's number are
// 999 and a number from ordinaryBody on; those of the cast are below. Steps
// through them meet every one once: bodyStep has no factor in common with
// ordinaryBodies.
const (
	ordinaryBody   = 100_000
	ordinaryBodies = 900_000
	bodyStep       = 611_953
)

// testNumber returns the NHS number 999 bbb bbb and its check digit, which is
// in the range that is never issued. One body in eleven has none.
func testNumber(body int) (care.NHSNumber, bool) {
	nine := fmt.Sprintf("999%06d", body)
	sum := 0
	for i := range nine {
		sum += int(nine[i]-'0') * (10 - i)
	}
	check := (11 - sum%11) % 11
	if check == 10 {
		return care.NHSNumber{}, false
	}
	number, err := care.ParseNHSNumber(nine + string(rune('0'+check)))
	return number, err == nil
}

// claim takes the name of a resident and reports whether nobody has it: no two
// people share first and family name unless the cast wants it so.
func (r *resident) claim(known map[string]bool) bool {
	key := r.given + " " + r.family
	taken := known[key]
	known[key] = true
	return !taken
}

// draw makes up a person.
func (p *Practice) draw(dice *rand.Rand) resident {
	r := resident{gender: "female", prefix: "Ms", family: pick(dice, familyNames)}
	given := femaleNames
	if dice.IntN(2) == 0 {
		r.gender, r.prefix, given = "male", "Mr", maleNames
	}
	r.given = pick(dice, given)
	if second := pick(dice, given); second != r.given && dice.IntN(3) == 0 {
		r.second = second
	}
	years := age(dice)
	if years >= 25 && r.gender == "female" && dice.IntN(4) == 0 {
		r.prefix, r.former = "Mrs", pick(dice, familyNames)
	}
	if years < 16 {
		r.prefix = ""
	}
	r.birth = care.Day(p.today.AddDate(-years, 0, -1-dice.IntN(364)).Date())
	r.house, r.street, r.town = address(dice)
	return r
}

// ages is how many of a hundred people are in each decade of life.
var ages = [...]int{12, 11, 12, 14, 13, 14, 11, 8, 4, 1}

func age(dice *rand.Rand) int {
	n := dice.IntN(100)
	for decade, share := range ages {
		if n < share {
			return decade*10 + dice.IntN(10)
		}
		n -= share
	}
	return 0
}

func address(dice *rand.Rand) (house int, street, town string) {
	return 1 + dice.IntN(96), pick(dice, streets), pick(dice, towns)
}

func pick[T any](dice *rand.Rand, list []T) T { return list[dice.IntN(len(list))] }
