package scenario

import "maps"

// truth is what a correct report says of the variant, by the story and the decision rules:
// severity 8.0 gives 32 points, the sandbox takes off 10; 13:20 is no usual hour of the
// person, so business hours give nothing; nothing is new about the source.
func (w *world) truth() (t Truth) {
	t = Truth{
		Verdict: "inconclusive", Score: 22, Ceiling: 70, Band: "Low", Confidence: "Low", Urgency: "Medium", Missing: []string{"s3_data"},
		Facts:   w.common(),
		Unknown: []string{"event.recorded", "impact.objects_read", "impact.object_keys", "impact.bytes_out", "impact.objects_deleted", "baseline.new_api"},
	}
	if w.data() {
		t.Verdict, t.Ceiling, t.Confidence, t.Urgency, t.Missing, t.Unknown = "benign", 0, "High", "Low", nil, nil
		maps.Copy(t.Facts, map[string]any{
			"event.recorded": true, "chain.call": "confirmed", "chain.complete": true,
			"impact.objects_read": len(smallRead), "impact.bytes_out": 12_000, "impact.objects_deleted": 0, "impact.read_minutes": 0,
			"impact.object_keys":     "datasets/2025/README.md datasets/2025/labels.csv datasets/2025/splits.json",
			"baseline.new_api":       false,
			"baseline.seen_api":      28, // two objects on each of 14 days
			"coverage.state@s3_data": "collected", "impact.trails_recording": auditTrail + " " + dataTrail,
			"baseline.peers_on_resource": 1, "baseline.peers_same_api": 1,
		})
	}
	defer func() { t.Settlings = settlings(t) }()
	switch w.variant {
	case "c":
		w.intruded(&t)
	case "d":
		t.SameAs, t.Differs = "a", []string{"activity.user_agents", "event.user_agent", "signin.devices"}
	case "e":
		t.Facts["quality.duplicates_removed"] = w.again
		t.SameAs, t.Differs = "b", []string{"quality."}
	case "f":
		t.SameAs, t.Differs = "a", []string{"coverage."}
	case "g":
		w.holed(&t)
	case "h":
		t.Facts["signin.peak_hour"], t.Facts["baseline.midnight"] = 9, 0
	case "i":
		// A holiday: 10 points more, and no business day. The days before it are a weekend, so that
		// the day around the event holds this session alone.
		t.Score, t.Band = 32, "Medium"
		t.Facts["event.weekday"], t.Facts["event.business_day"], t.Facts["event.business_hours"] = "Monday", false, false
		t.Facts["event.holiday_name"] = "敬老の日"
		t.Facts["activity.total@principal"] = 6
	}
	return t
}

// settlings are what an inconclusive case comes to once more is known. The person's word after a
// fresh sign-in takes off 15 points, a denial is a floor of 60 by itself, and being unsure changes
// no points but forbids benign. The logs of the objects make the evidence complete; a word alone
// never does. On a holiday the score is medium, so that the logs alone are not enough either.
func settlings(t Truth) (out []Settling) {
	if t.Verdict != "inconclusive" {
		return nil
	}
	for _, logs := range []bool{false, true} {
		for _, answer := range []string{"", "mine", "not_mine", "not_sure"} {
			s := Settling{Logs: logs, Answer: answer, Verdict: "inconclusive", Score: t.Score, Confidence: "Low", HeldBy: t.Missing}
			if logs {
				s.Confidence, s.HeldBy = "High", nil
			}
			switch answer {
			case "mine":
				s.Score -= 15
			case "not_mine":
				s.Verdict, s.Score, s.HeldBy = "suspicious", 60, nil
			}
			if logs && (answer == "" || answer == "mine") {
				if s.Score < 30 {
					s.Verdict = "benign"
				} else {
					s.HeldBy = []string{"interview"}
				}
			}
			out = append(out, s)
		}
	}
	return out
}

// common are the facts of the reference case, in which no data event is recorded.
func (w *world) common() map[string]any {
	facts := map[string]any{
		"finding.severity": 8.0, "finding.band": "high", "finding.family": "s3", "finding.account": w.account,
		"finding.account_name": w.accountName, "finding.environment": "sandbox", "finding.count": 1, "finding.sample": false,

		"event.api": "GetObject", "event.log": "s3_data", "event.weekday": "Tuesday", "event.hour_local": 13,
		"event.business_day": true, "event.business_hours": true, "event.succeeded": true, "event.user_agent_family": "aws-sdk-rust",
		"event.user_agent_version": "1.3.8", "event.source_ip": w.remote, "event.source_country": w.remoteCountry,
		"event.source_city": w.remoteCity, "event.source_asn": w.remoteASN, "event.target_bucket": w.bucket,

		"actor.kind": "sso_role", "actor.is_sso": true, "actor.is_service": false, "actor.key_kind": "temporary", "actor.session_name": w.upn,
		"actor.role": w.role, "actor.permission_set": w.permissionSet, "actor.on_behalf_of": w.storeUser,
		"actor.identity_center_account": w.management,

		"person.known": true, "person.upn": w.upn, "person.link_method": "on_behalf_of", "person.link_confidence": "high",
		"person.contractor": true, "person.enabled": true, "person.display_name": w.display, "person.department": w.department,
		"person.sponsor": w.sponsor, "person.object_id": w.objectID,

		"signin.total": successes + interrupts, "signin.success": successes, "signin.interrupted": interrupts, "signin.failed": 0,
		"signin.mfa_satisfied": successes, "signin.mfa_failed_then_success": false, "signin.countries": "JP", "signin.apps": portalApp,
		"signin.ip_count": 2, "signin.peak_hour": 16, "signin.nearest_ip": w.six, "signin.nearest_country": "JP",
		"signin.minutes_to_nearest": 17, "signin.same_ip_as_event": false, "signin.same_country_as_event": true,
		"signin.nearest_ipv6": true, "signin.ipv6_only": false, "signin.at_event_hour": 1,

		"chain.signin": "confirmed", "chain.identity_center": "confirmed", "chain.assume_role": "confirmed", "chain.call": "not_collected",
		"chain.complete": false,

		// Four calls on each of 14 days, at 16 h, from home, with the same tool.
		"baseline.days": 30, "baseline.days_observed": 14, "baseline.events": 56, "baseline.tool_days": 14, "baseline.sufficient": true,
		"baseline.new_ip": false, "baseline.seen_ip": 56, "baseline.new_asn": false, "baseline.new_country": false,
		"baseline.new_user_agent": false, "baseline.seen_user_agent": 56, "baseline.new_region": false, "baseline.seen_region": 56,
		"baseline.new_hour": true, "baseline.seen_hour": 0, "baseline.hour_is_usual": false, "baseline.midnight": 8,

		"related.other_principals_from_ip": 0, "related.candidate_count": 0,

		"activity.own_logging_changes": 0, "activity.other_logging_changes": 0, "impact.public_exposure": 0, "impact.secrets_read": 0,
		"impact.still_active": true, "impact.trails_recording": auditTrail,
		"coverage.state@s3_data": "not_collected", "coverage.state@cloudtrail_management": "collected", "coverage.state@signin": "collected",
		"quality.duplicates_removed": 0, "quality.conflicts": 0, "quality.quarantined": 0, "quality.invalid_ips": 0,

		// Six calls of the session; the day before, the principal made the four of that day.
		"activity.total@principal": 10,
	}
	for _, subject := range []string{"@credential", "@session"} {
		maps.Copy(facts, map[string]any{
			"activity.total" + subject: 6, "activity.distinct_apis" + subject: 5, "activity.reads" + subject: 6, "activity.writes" + subject: 0,
			"activity.errors" + subject: 1, "activity.denied" + subject: 0, "activity.privilege_calls" + subject: 0,
			"activity.persistence_calls" + subject: 0, "activity.logging_changes" + subject: 0, "activity.new_keys" + subject: 0,
			"activity.assumed_roles" + subject: 0, "activity.regions" + subject: w.region, "activity.ips" + subject: w.remote,
			"activity.burst_per_second" + subject: 1,
		})
	}
	return facts
}

// intruded is variant (c). To the 22 points come 24 for novelty (address, network, country and
// tool, capped), 15 because the source is unlike the person, 15 for persistence and 15 for a
// mass read after novelty. Logging, persistence and exfiltration are three floors.
func (w *world) intruded(t *Truth) {
	t.Verdict, t.Score, t.Band, t.Confidence, t.Urgency = "malicious", 91, "Critical", "Medium", "Critical"
	maps.Copy(t.Facts, map[string]any{
		"finding.count":           2,
		"event.user_agent_family": "aws-cli", "event.user_agent_version": "2.17.9", "signin.same_country_as_event": false,
		"baseline.new_ip": true, "baseline.seen_ip": 0, "baseline.new_asn": true, "baseline.new_country": true,
		"baseline.new_user_agent": true, "baseline.seen_user_agent": 0, "baseline.tool_days": 0,
		"activity.own_logging_changes": 1, "impact.objects_read": massRead, "impact.read_minutes": 25,
		"impact.bytes_out":      massRead*51_200 + massRead*(massRead-1)/2, // 51,200 and one byte more each time
		"impact.trails_stopped": dataTrail, "impact.trails_recording": auditTrail, "coverage.state@s3_data": "partial",
		"activity.total@principal": 9,
	})
	// What was done to objects after the trail was stopped cannot be known.
	for _, k := range []string{"impact.objects_deleted", "impact.object_keys"} {
		delete(t.Facts, k)
	}
	t.Unknown = []string{"impact.objects_deleted"}
	for _, subject := range []string{"@credential", "@session"} {
		maps.Copy(t.Facts, map[string]any{
			"activity.total" + subject: 5, "activity.distinct_apis" + subject: 5, "activity.reads" + subject: 3, "activity.writes" + subject: 2,
			"activity.errors" + subject: 0, "activity.new_keys" + subject: 1, "activity.persistence_calls" + subject: 1,
			"activity.logging_changes" + subject: 1, "activity.regions" + subject: w.region + " us-east-1",
		})
	}
}

// holed is variant (g): the nearest sign-in fell into the hole, and whether others did cannot be known.
func (w *world) holed(t *Truth) {
	t.Confidence = "Medium"
	t.Unknown = []string{
		"signin.failed", "signin.nearest_ip", "signin.nearest_country", "signin.minutes_to_nearest", "signin.same_ip_as_event",
		"signin.same_country_as_event", "signin.nearest_ipv6", "signin.at_event_hour", "signin.mfa_failed_then_success", "related.candidate_count",
	}
	for _, k := range t.Unknown {
		delete(t.Facts, k)
	}
	maps.Copy(t.Facts, map[string]any{
		"signin.total": successes + interrupts - 1, "signin.success": successes - 1, "signin.mfa_satisfied": successes - 1,
		"signin.ip_count": 1, "chain.signin": "not_collected", "coverage.state@signin": "partial",
	})
}
