package fact

// countryName is the English name of an ISO 3166-1 alpha-2 code as GuardDuty writes it in
// remoteIpDetails.country.countryName, for comparing a finding with a sign-in that only
// carries the code. Codes that are not listed compare as different text.
func countryName(code string) string { return countryNames[code] }

var countryNames = map[string]string{
	"AE": "United Arab Emirates", "AR": "Argentina", "AT": "Austria", "AU": "Australia", "BD": "Bangladesh",
	"BE": "Belgium", "BG": "Bulgaria", "BR": "Brazil", "CA": "Canada", "CH": "Switzerland", "CL": "Chile",
	"CN": "China", "CO": "Colombia", "CZ": "Czechia", "DE": "Germany", "DK": "Denmark", "EE": "Estonia",
	"EG": "Egypt", "ES": "Spain", "FI": "Finland", "FR": "France", "GB": "United Kingdom", "GR": "Greece",
	"HK": "Hong Kong", "HU": "Hungary", "ID": "Indonesia", "IE": "Ireland", "IL": "Israel", "IN": "India",
	"IR": "Iran", "IT": "Italy", "JP": "Japan", "KH": "Cambodia", "KP": "North Korea", "KR": "South Korea",
	"LT": "Lithuania", "LV": "Latvia", "MX": "Mexico", "MY": "Malaysia", "NG": "Nigeria", "NL": "Netherlands",
	"NO": "Norway", "NZ": "New Zealand", "PH": "Philippines", "PK": "Pakistan", "PL": "Poland",
	"PT": "Portugal", "RO": "Romania", "RU": "Russia", "SA": "Saudi Arabia", "SE": "Sweden", "SG": "Singapore",
	"TH": "Thailand", "TR": "Turkey", "TW": "Taiwan", "UA": "Ukraine", "US": "United States",
	"VN": "Vietnam", "ZA": "South Africa",
}
