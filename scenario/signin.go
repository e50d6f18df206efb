package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// A signIn is one Entra ID sign-in on its way to the log.
type signIn struct {
	at   time.Time
	body object
}

// Sign-ins of the person in the 30 days before the event and the hour after: 28 that succeeded
// and 31 that were interrupted.
const (
	successes  = 28
	interrupts = 31
)

// nearest is how long before the event the nearest sign-in lies.
const nearest = 17 * time.Minute

// signin makes a sign-in in the form of Microsoft Graph.
func (w *world) signin(at time.Time, upn, display, id, ip, country, city, asn string, code int, app string) signIn {
	number, err := strconv.Atoi(asn)
	if err != nil {
		panic(fmt.Sprintf("autonomous system %q: %v", asn, err)) // they are constants of this package
	}
	reason := any(nil)
	if code != 0 {
		reason = interruptReasons[code]
	}
	return signIn{at, object{
		"id": w.uuid(), "createdDateTime": at.UTC().Format("2006-01-02T15:04:05.0000000Z"), "userDisplayName": display,
		"userPrincipalName": upn, "userId": id, "appId": appIDs[app], "appDisplayName": app, "ipAddress": ip,
		"clientAppUsed": "Browser", "correlationId": w.uuid(), "conditionalAccessStatus": "success", "isInteractive": true,
		"riskLevelDuringSignIn": "none", "riskState": "none", "resourceDisplayName": app, "authenticationRequirement": "multiFactorAuthentication",
		"autonomousSystemNumber": number,
		"status":                 object{"errorCode": code, "failureReason": reason, "additionalDetails": nil},
		"deviceDetail":           object{"deviceId": "", "displayName": "PC-" + fmt.Sprintf("%.8s", id), "operatingSystem": "Windows11", "browser": "Edge 139.0.0", "isCompliant": true, "isManaged": true, "trustType": "Azure AD joined"},
		"location":               object{"city": city, "state": city, "countryOrRegion": country, "geoCoordinates": object{"latitude": 35.68, "longitude": 139.76}},
	}}
}

// interruptCodes are codes whose published meaning is an interrupt.
var interruptCodes = []int{50140, 50074, 50097, 50058}

// interruptReasons are in the words of the log's failureReason.
var interruptReasons = map[int]string{
	50140: "This occurred due to 'Keep me signed in' interrupt when the user was signing-in.",
	50074: "Strong Authentication is required.",
	50097: "Device Authentication Required.",
	50058: "Session information is not sufficient for single-sign-on.",
}

const (
	portalApp = "AWS IAM Identity Center"
	officeApp = "Microsoft 365"
)

// appIDs are invented.
var appIDs = map[string]string{portalApp: "00000000-0000-4000-a000-0000000a1d0c", officeApp: "00000000-0000-4000-a000-000000000365"}

// signIns are the person's own, in order of time.
func (w *world) signIns() []signIn {
	var own []signIn
	add := func(at time.Time, code int, ip string) {
		s := w.signin(at, w.upn, w.display+w.attack(len(own)), w.objectID, ip, "JP", "Tokyo", w.asn, code, portalApp)
		if w.hostile() {
			device := s.body["deviceDetail"].(object)
			device["displayName"] = device["displayName"].(string) + w.attack(3) + w.attack(5) + w.attack(len(own)+1)
			if status := s.body["status"].(object); code != 0 {
				status["failureReason"] = interruptReasons[code] + w.attack(len(own)+2)
			}
		}
		own = append(own, s)
	}
	// Days of the month before the event, and the local hour of each sign-in.
	midnight := w.midnights()
	hours := w.hours()
	code := func(n int) int {
		// The last is the success right before the session; of the others every second one succeeds until 28 have.
		if n == len(hours) || n%2 == 1 && n/2 < successes-1 {
			return 0
		}
		return interruptCodes[n%len(interruptCodes)]
	}
	for n, h := range hours {
		day := midnight[n%len(midnight)]
		if h == 0 && w.variant != "h" {
			day = w.lateNights()[n%4]
		}
		at := day.Add(time.Duration(h)*time.Hour + time.Duration(n%50)*time.Minute + time.Duration(w.rng.IntN(50))*time.Second)
		add(at, code(n), w.home)
	}
	add(w.at.Add(-nearest), code(len(hours)), w.six)
	slices.SortStableFunc(own, func(a, b signIn) int { return a.at.Compare(b.at) })
	return own
}

// hours are the local hours of the person's sign-ins but the nearest: most at 16, some at 0.
// In variant (h) all are in the hour from 00 UTC.
func (w *world) hours() []int {
	var list []int
	put := func(h, n int) {
		for range n {
			list = append(list, h)
		}
	}
	if w.variant == "h" {
		put(9, successes+interrupts-1)
		return list
	}
	put(16, 38)
	put(0, 8)
	put(10, 4)
	put(11, 4)
	put(17, 4)
	return list
}

// midnights are local midnights of 20 working days within the 30 days before the event.
func (w *world) midnights() []time.Time {
	var days []time.Time
	for d := w.at.Add(-24 * time.Hour); len(days) < 20; d = d.Add(-24 * time.Hour) {
		local := d.Add(9 * time.Hour)
		if wd := local.Weekday(); wd != time.Saturday && wd != time.Sunday {
			days = append(days, time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC).Add(-9*time.Hour))
		}
	}
	return days
}

// lateNights are local midnights of a Tuesday, Wednesday, Thursday and Friday.
func (w *world) lateNights() []time.Time {
	var days []time.Time
	for _, d := range w.midnights() {
		if wd := d.Add(9 * time.Hour).Weekday(); wd >= time.Tuesday && wd <= time.Friday && len(days) < 8 {
			days = append(days, d)
		}
	}
	slices.SortFunc(days, func(a, b time.Time) int { return a.Compare(b) })
	return days[len(days)-4:]
}

// hole is the stretch of variant (g) in which no sign-in was logged.
func (w *world) hole() (from, to time.Time) {
	from = w.at.Add(-3 * time.Hour).Truncate(time.Hour)
	return from, from.Add(6 * time.Hour)
}

// Colleagues: invented names, none of them a person of the stories.
var (
	families = [][2]string{{"aoki", "青木"}, {"fujii", "藤井"}, {"ueda", "上田"}, {"noguchi", "野口"}, {"matsui", "松井"}, {"kubo", "久保"}, {"ono", "小野"}, {"chiba", "千葉"}}
	given    = [][2]string{{"haruka", "遥"}, {"daichi", "大地"}, {"misaki", "美咲"}, {"ren", "蓮"}, {"wakana", "和奏"}}
)

// colleague is the n-th other user.
func colleague(n int) (upn, display string) {
	f, g := families[n/len(given)], given[n%len(given)]
	return fmt.Sprintf("%s.%s@example.co.jp", f[0], g[0]), f[1] + " " + g[1]
}

// signInLog is everybody's sign-ins: some in every hour, so that the log is known to run.
func (w *world) signInLog() []signIn {
	log := w.signIns()
	from, to := w.at.Add(-31*24*time.Hour).Truncate(time.Hour), w.at.Add(3*time.Hour)
	for h := from; h.Before(to); h = h.Add(time.Hour) {
		for range 6 {
			n := w.noise.IntN(len(families) * len(given))
			code := 0
			if w.noise.IntN(8) == 0 {
				code = interruptCodes[w.noise.IntN(len(interruptCodes))]
			}
			upn, display := colleague(n)
			log = append(log, w.signin(h.Add(time.Duration(w.noise.IntN(3600))*time.Second), upn, display,
				fmt.Sprintf("00000000-0000-4000-a000-0000000000%02d", n), fmt.Sprintf("192.0.2.%d", 100+n), "JP", "Osaka", "64496", code, officeApp))
		}
	}
	if w.variant == "g" {
		lo, hi := w.hole()
		log = slices.DeleteFunc(log, func(s signIn) bool { return !s.at.Before(lo) && s.at.Before(hi) })
	}
	slices.SortStableFunc(log, func(a, b signIn) int { return a.at.Compare(b.at) })
	return log
}
