package memory

// Given names by sex, in the mixture of an English town of today.
var (
	femaleNames = []string{
		"Olivia", "Amelia", "Isla", "Ava", "Aaliyah", "Freya", "Florence", "Mia", "Zara", "Aisha", "Grace", "Poppy", "Siân", "Chloé",
		"Emma", "Sarah", "Laura", "Priya", "Joanne", "Karen", "Nicola", "Tracey", "Agnieszka", "Fatima", "Ngozi", "Yasmin", "Mei-Ling", "Katarzyna",
		"Margaret", "Jean", "Patricia", "Sheila", "Dorothy", "Brenda", "Maureen", "Beryl", "Winifred", "Gurpreet", "Shanthi", "Roisín", "Zoë", "Mary-Anne",
	}
	maleNames = []string{
		"Noah", "Oliver", "George", "Arthur", "Muhammad", "Leo", "Harry", "Archie", "Idris", "Rafael", "Jack", "Theo", "Seán", "Tomasz",
		"James", "David", "Andrew", "Rajesh", "Imran", "Darren", "Stephen", "Mark", "Paul", "Kwame", "Chukwuemeka", "Wei", "Piotr", "Hassan",
		"Ronald", "Kenneth", "Derek", "Brian", "Raymond", "Stanley", "Harold", "Clifford", "Harjit", "Winston", "Aneurin", "José", "Jean-Paul", "Alasdair",
	}
)

// familyNames keep the apostrophes, hyphens, spaces and accents that software
// stumbles over.
var familyNames = []string{
	"Smith", "Jones", "Taylor", "Brown", "Williams", "Wilson", "Johnson", "Davies", "Patel", "Robinson", "Wright", "Thompson", "Evans", "Walker",
	"White", "Roberts", "Green", "Hall", "Wood", "Khan", "Hughes", "Edwards", "Turner", "Martin", "Clarke", "Hill", "Ward", "Cooper",
	"Begum", "Hussain", "Singh", "Kaur", "Ali", "Ahmed", "Sharma", "Nguyen", "Kowalski", "Nowak", "Okafor", "Adeyemi", "Mensah", "Chen",
	"O'Brien", "O'Connor", "D'Souza", "N'Diaye", "McDonald", "MacLeod", "Fitzgerald", "Murphy", "Byrne", "St John", "de Souza", "van der Berg", "Le Goff", "Ní Bhriain",
	"Smith-Jones", "Taylor-Okafor", "Hughes-Patel", "Parry-Williams", "Müller", "García", "Fernández", "Renée-Clarke", "Łukasiewicz", "Popescu", "Ionescu", "Björk",
	"Featherstone", "Hallam", "Pemberton", "Goodchild", "Underhill", "Whitlock", "Barrowclough", "Threlfall", "Cartwright", "Ogilvie", "Prothero", "Tregenza", "Yeo", "Quayle",
	"Fothergill", "Haddow", "Inglethorpe", "Jessop", "Kettleby", "Lamplugh", "Marchbanks", "Netherton", "Oldacre", "Pilkington", "Quince", "Ravenscroft", "Satterthwaite", "Tewkesbury",
}

// Places that do not exist. The postcodes begin with ZZ, which no postcode
// area does.
var (
	streets = []string{"Larkspur Close", "Mill Race Lane", "Old Brewery Road", "Tannery Walk", "Quarry Rise", "Saxon Way", "Priory Mead", "Kingfisher Drive",
		"Hangman's Acre", "Station Approach", "Chapel Street", "Bakehouse Yard", "Meadowsweet Avenue", "Windmill Hill", "Coopers Green", "Foxglove Crescent"}
	towns = []string{"Harpsden Green", "Wareham Cross", "Ashwellbury", "Little Marding", "Buntingham", "Royford St Mary"}
)

// languages that some patients speak instead of English.
var languages = []string{"Polish", "Urdu", "Romanian", "Bengali", "Portuguese", "Cantonese"}
