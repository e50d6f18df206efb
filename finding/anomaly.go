package finding

import "strings"

// readAnomaly reads what GuardDuty's own model said, from service.additionalInfo.
func readAnomaly(info node) Anomaly {
	return Anomaly{
		APIs:     anomalousAPIs(info.at("anomalies", "anomalousAPIs").text()),
		Profiled: info.at("profiledBehavior").stringMap(),
		Unusual:  info.at("unusualBehavior").stringMap(),
	}
}

// anomalousAPIs reads "s3.amazonaws.com:[GetObject:AccessDenied , ListBuckets:success] , iam...:[...]".
// The separator is space, comma, space. What does not look like this is left out:
// the text itself stays in the document.
func anomalousAPIs(s string) []AnomalousAPI {
	var out []AnomalousAPI
	for {
		service, rest, ok := strings.Cut(s, ":[")
		if !ok {
			return out
		}
		calls, after, ok := strings.Cut(rest, "]")
		if !ok {
			return out
		}
		service = strings.TrimLeft(service, " ,")
		for call := range strings.SplitSeq(calls, ",") {
			api, result, _ := strings.Cut(strings.TrimSpace(call), ":")
			if api != "" {
				out = append(out, AnomalousAPI{Service: service, API: api, Result: result})
			}
		}
		s = after
	}
}
