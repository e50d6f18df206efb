package calendar

import "time"

// The national holidays of Japan (国民の祝日に関する法律, Act 178 of 1948) from its
// rules and amendments. The years that the two equinox formulas and this table
// of amendments are good for:
const (
	japanFrom = 1955
	japanTo   = 2099
)

// A name is a holiday's name in both languages.
type name struct{ ja, en string }

// A rule names one holiday in a run of years.
type rule struct {
	from, to int // first and last year; to 0 is no end
	month    time.Month
	day      int // day of the month; 0 when monday counts
	monday   int // nth Monday
	name
}

var (
	newYear      = name{"元日", "New Year's Day"}
	comingOfAge  = name{"成人の日", "Coming of Age Day"}
	foundation   = name{"建国記念の日", "National Foundation Day"}
	emperor      = name{"天皇誕生日", "Emperor's Birthday"}
	vernal       = name{"春分の日", "Vernal Equinox Day"}
	showa        = name{"昭和の日", "Showa Day"}
	greenery     = name{"みどりの日", "Greenery Day"}
	constitution = name{"憲法記念日", "Constitution Memorial Day"}
	children     = name{"こどもの日", "Children's Day"}
	marine       = name{"海の日", "Marine Day"}
	mountain     = name{"山の日", "Mountain Day"}
	aged         = name{"敬老の日", "Respect for the Aged Day"}
	autumnal     = name{"秋分の日", "Autumnal Equinox Day"}
	health       = name{"体育の日", "Health and Sports Day"}
	sports       = name{"スポーツの日", "Sports Day"}
	culture      = name{"文化の日", "Culture Day"}
	labour       = name{"勤労感謝の日", "Labor Thanksgiving Day"}
)

// rules are the holidays with a date. The years are those of the amendments:
// 1966 (three new days), 1973, 1985, 1989 (a new Emperor), 1995 (Marine Day),
// 2000 and 2003 (Happy Monday), 2007 (Showa Day), 2016 (Mountain Day), and the
// special acts for the Olympic Games of 2020, which moved three days in both years.
var rules = []rule{
	{1949, 0, time.January, 1, 0, newYear},
	{1949, 1999, time.January, 15, 0, comingOfAge},
	{2000, 0, time.January, 0, 2, comingOfAge},
	{1967, 0, time.February, 11, 0, foundation},
	{1949, 1988, time.April, 29, 0, emperor},
	{1989, 2018, time.December, 23, 0, emperor},
	{2020, 0, time.February, 23, 0, emperor}, // none in 2019: abdication in April, birthday in February
	{1989, 2006, time.April, 29, 0, greenery},
	{2007, 0, time.April, 29, 0, showa},
	{1949, 0, time.May, 3, 0, constitution},
	{2007, 0, time.May, 4, 0, greenery},
	{1949, 0, time.May, 5, 0, children},
	{1996, 2002, time.July, 20, 0, marine},
	{2003, 2019, time.July, 0, 3, marine},
	{2020, 2020, time.July, 23, 0, marine},
	{2021, 2021, time.July, 22, 0, marine},
	{2022, 0, time.July, 0, 3, marine},
	{2016, 2019, time.August, 11, 0, mountain},
	{2020, 2020, time.August, 10, 0, mountain},
	{2021, 2021, time.August, 8, 0, mountain},
	{2022, 0, time.August, 11, 0, mountain},
	{1966, 2002, time.September, 15, 0, aged},
	{2003, 0, time.September, 0, 3, aged},
	{1966, 1999, time.October, 10, 0, health},
	{2000, 2018, time.October, 0, 2, health},
	{2019, 2019, time.October, 0, 2, name{"体育の日（スポーツの日）", "Health and Sports Day"}}, // as the Cabinet Office lists that year
	{2020, 2020, time.July, 24, 0, sports},
	{2021, 2021, time.July, 23, 0, sports},
	{2022, 0, time.October, 0, 2, sports},
	{1948, 0, time.November, 3, 0, culture},
	{1948, 0, time.November, 23, 0, labour},
	// Days of one year, by acts of their own.
	{1959, 1959, time.April, 10, 0, name{"結婚の儀", "Wedding of Crown Prince Akihito"}},
	{1989, 1989, time.February, 24, 0, name{"大喪の礼", "Funeral of Emperor Showa"}},
	{1990, 1990, time.November, 12, 0, name{"即位礼正殿の儀", "Enthronement Ceremony"}},
	{1993, 1993, time.June, 9, 0, name{"結婚の儀", "Wedding of Crown Prince Naruhito"}},
	{2019, 2019, time.May, 1, 0, name{"休日（祝日扱い）", "Day of the Emperor's Accession"}},
	{2019, 2019, time.October, 22, 0, name{"休日（祝日扱い）", "Day of the Enthronement Ceremony"}},
}

// japanese tells whether d is a holiday in Japan. Outside the years from 1955 to 2099 it knows none.
func japanese(d civil) (Holiday, bool) {
	if d.year < japanFrom || d.year > japanTo {
		return Holiday{}, false
	}
	if n, ok := national(d); ok {
		return Holiday{d.String(), n.ja, n.en}, true
	}
	if n, ok := substitute(d); ok {
		return Holiday{d.String(), n.ja + " 振替休日", n.en + " (substitute holiday)"}, true
	}
	if sandwiched(d) {
		return Holiday{d.String(), "休日", "Citizens' Holiday"}, true
	}
	return Holiday{}, false
}

// national tells whether d is one of the holidays that the law names (article 2).
func national(d civil) (name, bool) {
	for _, r := range rules {
		if d.month != r.month || d.year < r.from || (r.to != 0 && d.year > r.to) {
			continue
		}
		if r.monday > 0 && d == nthMonday(d.year, d.month, r.monday) || r.monday == 0 && d.day == r.day {
			return r.name, true
		}
	}
	switch {
	case d.month == time.March && d.day == vernalDay(d.year):
		return vernal, true
	case d.month == time.September && d.day == autumnalDay(d.year):
		return autumnal, true
	}
	return name{}, false
}

// substitute tells whether d stands in for a holiday that fell on a Sunday, and for which
// (article 3 paragraph 2, in force since 12 April 1973). Until 2006 only the Monday
// after it could; since 2007 it is the first day after it that is no holiday.
func substitute(d civil) (name, bool) {
	if d.noon().Before(civil{1973, time.April, 12}.noon()) {
		return name{}, false
	}
	for before := d.plus(-1); ; before = before.plus(-1) {
		n, ok := national(before)
		switch {
		case !ok:
			return name{}, false
		case before.weekday() == time.Sunday:
			return n, true
		case d.year < 2007:
			return name{}, false
		}
	}
}

// sandwiched tells whether d lies between two holidays (article 3 paragraph 3, in force
// since 27 December 1985). Until 2006 a Sunday stayed a Sunday.
func sandwiched(d civil) bool {
	if d.year < 1986 || (d.year < 2007 && d.weekday() == time.Sunday) {
		return false
	}
	_, before := national(d.plus(-1))
	_, after := national(d.plus(1))
	return before && after
}

// vernalDay is the day in March of the vernal equinox in Japan, by the formula of the
// Hydrographic Department's almanac (新こよみ便利帳), in millionths of a day.
func vernalDay(year int) int {
	if year < 1980 {
		return (20_835_700+242_194*(year-1980))/1_000_000 - (year-1983)/4
	}
	return (20_843_100+242_194*(year-1980))/1_000_000 - (year-1980)/4
}

// autumnalDay is the day in September of the autumnal equinox in Japan, by the same almanac.
func autumnalDay(year int) int {
	if year < 1980 {
		return (23_258_800+242_194*(year-1980))/1_000_000 - (year-1983)/4
	}
	return (23_248_800+242_194*(year-1980))/1_000_000 - (year-1980)/4
}
