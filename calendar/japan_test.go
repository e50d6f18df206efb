package calendar

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Every date and every Japanese name from 1970 to 2050, against another project's table.
func TestJapaneseHolidaysAgreeWithTheTable(t *testing.T) {
	table, err := os.ReadFile("testdata/holidays_jp.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(table)) {
		if !strings.HasPrefix(line, "#") {
			want = append(want, sundayOfMay(t, strings.TrimSuffix(line, "\n")))
		}
	}
	if len(want) < 1300 {
		t.Fatalf("the table holds %d holidays; it is cut off", len(want))
	}
	cal := mustNew(t, Config{})
	var got []string
	for year := 1970; year <= 2050; year++ {
		for _, h := range cal.Holidays(year) {
			got = append(got, h.Date+"\t"+h.NameJA)
		}
	}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("holidays (-got +want):\n%s", d)
	}
}

// sundayOfMay corrects a habit of the table: it names the substitute holiday of 6 May after
// Children's Day (except in 2020) also where the Sunday that it stands in for was the 3rd or the 4th.
func sundayOfMay(t *testing.T, line string) string {
	date, name, _ := strings.Cut(line, "\t")
	if !strings.HasSuffix(date, "-05-06") {
		return line
	}
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	switch day.Weekday() {
	case time.Tuesday:
		name = "みどりの日 振替休日"
	case time.Wednesday:
		name = "憲法記念日 振替休日"
	default:
	}
	return date + "\t" + name
}

// The years that the table does not have, from the acts themselves.
func TestJapaneseHolidaysOutsideTheTable(t *testing.T) {
	tests := []struct {
		date, want string // "" is an ordinary day
	}{
		{"1954-01-01", ""}, // before the years that are known
		{"1955-01-01", "元日"},
		{"1955-02-11", ""}, // not yet a holiday
		{"1959-04-10", "結婚の儀"},
		{"1960-01-02", ""},
		{"1965-09-15", ""},
		{"1966-09-15", "敬老の日"},
		{"1966-10-10", "体育の日"},
		{"1967-02-11", "建国記念の日"},
		{"1969-03-21", "春分の日"},
		{"2068-09-17", "敬老の日"},
		{"2098-09-15", "敬老の日"},
		{"2099-12-31", ""},
		{"2100-01-01", ""}, // after them
	}
	cal := mustNew(t, Config{})
	for _, tt := range tests {
		day, err := time.ParseInLocation(time.DateOnly, tt.date, cal.location())
		if err != nil {
			t.Fatal(err)
		}
		got, ok := cal.Holiday(day)
		if got.NameJA != tt.want || ok != (tt.want != "") {
			t.Errorf("Holiday(%s) = %+v, %t, want %q", tt.date, got, ok, tt.want)
		}
	}
}

// The equinoxes of 1955 to 2099 computed from the sun, after Meeus, Astronomical
// Algorithms, chapter 27 (good to a minute), instead of from the almanac's formula.
func TestEquinoxesAgreeWithTheSun(t *testing.T) {
	periodic := [][3]float64{
		{485, 324.96, 1934.136},
		{203, 337.23, 32964.467},
		{199, 342.08, 20.186},
		{182, 27.85, 445267.112},
		{156, 73.14, 45036.886},
		{136, 171.52, 22518.443},
		{77, 222.54, 65928.934},
		{74, 296.72, 3034.906},
		{70, 243.58, 9037.513},
		{58, 119.81, 33718.147},
		{52, 297.17, 150.678},
		{50, 21.02, 2281.226},
		{45, 247.54, 29929.562},
		{44, 325.15, 31555.956},
		{29, 60.93, 4443.417},
		{18, 155.12, 67555.328},
		{17, 288.79, 4562.452},
		{16, 198.04, 62894.029},
		{14, 199.76, 31436.921},
		{12, 95.39, 14577.848},
		{12, 287.11, 31931.756},
		{12, 320.81, 34777.259},
		{9, 227.73, 1222.114},
		{8, 15.45, 16859.074},
	}
	day := func(year int, c [5]float64) int {
		y := (float64(year) - 2000) / 1000
		jde := c[0] + y*(c[1]+y*(c[2]+y*(c[3]+y*c[4])))
		cent := (jde - 2451545) / 36525
		cos := func(deg float64) float64 { return math.Cos(deg * math.Pi / 180) }
		w := 35999.373*cent - 2.47
		var s float64
		for _, p := range periodic {
			s += p[0] * cos(p[1]+p[2]*cent)
		}
		jde += 0.00001 * s / (1 + 0.0334*cos(w) + 0.0007*cos(2*w))
		seconds := (jde-2440587.5)*86400 - 65 // terrestrial time runs about a minute ahead
		return time.Unix(int64(seconds), 0).In(time.FixedZone("JST", 9*3600)).Day()
	}
	for year := japanFrom; year <= japanTo; year++ {
		if got, want := vernalDay(year), day(year, [5]float64{2451623.80984, 365242.37404, 0.05169, -0.00411, -0.00057}); got != want {
			t.Errorf("vernalDay(%d) = %d, want %d", year, got, want)
		}
		if got, want := autumnalDay(year), day(year, [5]float64{2451810.21715, 365242.01767, -0.11575, 0.00337, 0.00078}); got != want {
			t.Errorf("autumnalDay(%d) = %d, want %d", year, got, want)
		}
	}
}

func TestEveryHolidayHasBothNames(t *testing.T) {
	cal := mustNew(t, Config{})
	for year := japanFrom; year <= japanTo; year++ {
		for _, h := range cal.Holidays(year) {
			if h.NameJA == "" || h.NameEN == "" {
				t.Errorf("%+v lacks a name", h)
			}
		}
	}
}
