package scenario

// truth is what a correct report says of the variant, by the story and the decision rules:
// severity 8.0 gives 32 points, the sandbox takes off 10; 13:20 is no usual hour of the
// person, so business hours give nothing; nothing is new about the source.
func (w *world) truth() Truth {
	t := Truth{
		Verdict: "inconclusive", Score: 22, Ceiling: 70, Band: "Low", Confidence: "Low", Urgency: "Medium", Missing: []string{"s3_data"},
		Facts: map[string]any{
			"finding.severity": 8.0, "finding.environment": "sandbox", "event.weekday": "Tuesday", "event.hour_local": 13,
			"event.business_day": true, "event.business_hours": true, "event.succeeded": true, "event.user_agent_family": "aws-sdk-rust",
			"event.user_agent_version": "1.3.8", "event.source_ip": w.remote, "event.source_country": "Japan", "event.target_bucket": w.bucket,
			"actor.kind": "sso_role", "actor.is_sso": true, "actor.key_kind": "temporary", "actor.session_name": w.upn, "actor.permission_set": w.permissionSet,
			"person.known": true, "person.upn": w.upn, "person.link_method": "on_behalf_of", "person.contractor": true,
			"signin.total": successes + interrupts, "signin.success": successes, "signin.interrupted": interrupts, "signin.failed": 0,
			"signin.peak_hour": 16, "signin.nearest_ip": w.six, "signin.minutes_to_nearest": 17, "signin.same_ip_as_event": false,
			"signin.same_country_as_event": true, "signin.nearest_ipv6": true, "signin.at_event_hour": 1,
			"chain.signin": "confirmed", "chain.identity_center": "confirmed", "chain.assume_role": "confirmed", "chain.call": "not_collected",
			"chain.complete": false, "baseline.days_observed": 14, "baseline.events": 56, "baseline.tool_days": 14, "baseline.new_ip": false,
			"baseline.new_asn": false, "baseline.new_country": false, "baseline.new_user_agent": false, "baseline.hour_is_usual": false,
			"activity.total@session": 5, "activity.total@credential": 5, "activity.privilege_calls@session": 0, "activity.persistence_calls@session": 0,
			"activity.own_logging_changes": 0, "activity.other_logging_changes": 0, "impact.public_exposure": 0,
			"related.other_principals_from_ip": 0,
		},
		Unknown: []string{"event.recorded", "impact.objects_read", "impact.bytes_out", "impact.objects_deleted", "baseline.new_api"},
	}
	if w.data() {
		t.Verdict, t.Ceiling, t.Confidence, t.Urgency, t.Missing, t.Unknown = "benign", 0, "High", "Low", nil, nil
		for k, v := range map[string]any{
			"event.recorded": true, "impact.objects_read": len(smallRead), "impact.bytes_out": 12_000, "impact.objects_deleted": 0,
			"chain.call": "confirmed", "chain.complete": true, "baseline.new_api": false, "baseline.peers_on_resource": 1,
		} {
			t.Facts[k] = v
		}
	}
	switch w.variant {
	case "c":
		t.Verdict, t.Score, t.Band, t.Confidence, t.Urgency = "malicious", 80, "Critical", "Medium", "Critical"
		for k, v := range map[string]any{
			"event.source_country": "Netherlands", "event.user_agent_family": "aws-cli", "event.user_agent_version": "2.17.9",
			"signin.same_country_as_event": false, "baseline.new_ip": true, "baseline.new_asn": true, "baseline.new_country": true,
			"baseline.new_user_agent": true, "baseline.tool_days": 0, "activity.total@session": 5, "activity.total@credential": 5,
			"activity.own_logging_changes": 1, "activity.new_keys@session": 1, "activity.persistence_calls@session": 1,
			"impact.objects_read": massRead, "impact.read_minutes": 25,
			"impact.trails_stopped": dataTrail, "impact.trails_recording": auditTrail,
		} {
			t.Facts[k] = v
		}
		delete(t.Facts, "impact.bytes_out")
		delete(t.Facts, "impact.objects_deleted")
	case "d":
		// One call more: the failed one whose message is hostile.
		t.Facts["activity.total@session"], t.Facts["activity.total@credential"] = 6, 6
	case "g":
		// The nearest sign-in fell into the hole; whether others did cannot be known.
		t.Confidence = "Medium"
		t.Facts["signin.total"], t.Facts["signin.success"] = successes+interrupts-1, successes-1
		t.Facts["chain.signin"] = "not_collected"
		for _, k := range []string{"signin.nearest_ip", "signin.minutes_to_nearest", "signin.same_ip_as_event", "signin.same_country_as_event", "signin.nearest_ipv6", "signin.at_event_hour", "signin.failed"} {
			delete(t.Facts, k)
		}
		t.Unknown = []string{"signin.failed", "signin.nearest_ip", "signin.minutes_to_nearest"}
	case "h":
		t.Facts["signin.peak_hour"], t.Facts["baseline.midnight"] = 9, 0
	case "i":
		// A holiday: 10 points more, and no business day.
		t.Score, t.Ceiling, t.Band = 32, 70, "Medium"
		t.Facts["event.weekday"], t.Facts["event.business_day"], t.Facts["event.business_hours"] = "Monday", false, false
		t.Facts["event.holiday_name"] = "敬老の日"
	}
	return t
}
