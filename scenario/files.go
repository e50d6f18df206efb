package scenario

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// files are the scenario's files.
func (w *world) files() (map[string][]byte, error) {
	out := map[string][]byte{}
	management, data := w.events()
	api := "logs/cloudtrail-api/"
	if err := w.deliver(out, api, management); err != nil {
		return nil, err
	}
	if w.data() {
		archive := "logs/trail-archive/"
		if err := w.deliver(out, archive, append(w.archived(management), data...)); err != nil {
			return nil, err
		}
		w.settings(out, archive)
	} else {
		w.settings(out, api)
	}
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	for _, s := range w.signInLog() {
		if err := enc.Encode(s.body); err != nil {
			return nil, err
		}
	}
	packed, err := pack(lines.Bytes())
	if err != nil {
		return nil, err
	}
	out["logs/splunk-prod/signins.json.gz"] = packed
	if out["finding.json"], err = indent(w.event()); err != nil {
		return nil, err
	}
	if out["truth.json"], err = indent(w.truth()); err != nil {
		return nil, err
	}
	out["uratori.yaml"] = []byte(w.config())
	return out, nil
}

// archived are the management events that the trails delivered: all of the member account, also
// in variant (c), where the second trail goes on when the first is stopped.
func (w *world) archived(management []event) []event {
	var out []event
	for _, e := range management {
		if e.body["recipientAccountId"] == w.account {
			out = append(out, e)
		}
	}
	return out
}

// deliver writes events as CloudTrail delivers them: gzipped files of {"Records": [...]}, each of
// one account and Region. In variant (e) they come out of order, and a fifth comes again.
func (w *world) deliver(out map[string][]byte, dir string, events []event) error {
	if w.variant == "e" {
		order := rand.New(rand.NewPCG(w.seed, 0x6f6f)) // of its own: the rest of the story stays (b)'s
		events = slices.Clone(events)
		order.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		again := events[:len(events)/5]
		w.again += len(again)
		if err := deliverOnce(out, dir, "-again", again); err != nil {
			return err
		}
	}
	return deliverOnce(out, dir, "", events)
}

func deliverOnce(out map[string][]byte, dir, note string, events []event) error {
	const size = 500 // records a file
	parts := map[string][]event{}
	for _, e := range events {
		name := fmt.Sprintf("%s_CloudTrail_%s", e.body["recipientAccountId"], e.body["awsRegion"])
		parts[name] = append(parts[name], e)
	}
	for name, part := range parts {
		n := 0
		for chunk := range slices.Chunk(part, size) {
			n++
			records := make([]object, len(chunk))
			for i, e := range chunk {
				records[i] = e.body
			}
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(object{"Records": records}); err != nil {
				return err
			}
			packed, err := pack(b.Bytes())
			if err != nil {
				return err
			}
			stamp := chunk[0].at.UTC().Format("20060102T1504Z")
			out[fmt.Sprintf("%s%s_%s_%04d%s.json.gz", dir, name, stamp, n, note)] = packed
		}
	}
	return nil
}

// pack is gzip without a time, so that the same content has the same bytes.
func pack(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func indent(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// settings are the saved output of describe-trails, get-trail-status and get-event-selectors.
func (w *world) settings(out map[string][]byte, dir string) { w.trails(out, dir, w.data()) }

// trails are the settings with the trail that records data events, or without it.
func (w *world) trails(out map[string][]byte, dir string, data bool) {
	put := func(name string, v any) {
		data, err := indent(v)
		if err != nil {
			panic(fmt.Sprintf("encode %s: %v", name, err)) // objects of strings and truth values always encode
		}
		out[dir+name] = data
	}
	arn := func(name string) string {
		return fmt.Sprintf("arn:aws:cloudtrail:%s:%s:trail/%s", w.region, w.account, name)
	}
	trail := func(name string) object {
		return object{"Name": name, "S3BucketName": "example-org-cloudtrail", "IsMultiRegionTrail": true, "HomeRegion": w.region, "TrailARN": arn(name), "IsOrganizationTrail": false, "IncludeGlobalServiceEvents": true}
	}
	selectors := func(name string, data bool) object {
		s := object{"ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": []any{}}
		if data {
			s["DataResources"] = []any{object{"Type": "AWS::S3::Object", "Values": []any{"arn:aws:s3"}}}
		}
		return object{"TrailARN": arn(name), "EventSelectors": []any{s}}
	}
	// The settings were saved an hour after the event, when variant (c) is over.
	status := func(name string, stopped bool) {
		s := object{"IsLogging": !stopped, "LatestDeliveryTime": iso(w.at.Add(55 * time.Minute))}
		if stopped {
			s["StopLoggingTime"] = iso(w.stopped())
			s["LatestDeliveryTime"] = iso(w.stopped().Add(-time.Minute))
		}
		put("get-trail-status-"+name+".json", s)
	}
	trails := []any{trail(auditTrail)}
	put("get-event-selectors-"+auditTrail+".json", selectors(auditTrail, false))
	status(auditTrail, false)
	if data {
		trails = append(trails, trail(dataTrail))
		put("get-event-selectors-"+dataTrail+".json", selectors(dataTrail, true))
		status(dataTrail, w.variant == "c")
	}
	put("describe-trails.json", object{"trailList": trails})
}

// config is the configuration that the case is investigated with.
func (w *world) config() string {
	source, order := "", "[splunk-prod, cloudtrail-api]"
	notHeld := ""
	if w.data() {
		source = `  - name: trail-archive
    type: local
    logs: [logs/trail-archive]
`
		order = "[splunk-prod, cloudtrail-api, trail-archive]"
		notHeld = "\n      - {kind: s3_data, state: not_collected, why: not_held}"
	}
	script := ""
	if w.variant == "f" {
		script = `
    script:
      - {dataset: cloudtrail, calls: "1", outcome: failed, reason: "HTTP 503 Service Unavailable"}
      - {dataset: cloudtrail, calls: "2-", outcome: denied, reason: "search not executed: the command is not allowed for this role"}`
	}
	return fmt.Sprintf(`# The configuration of this scenario.
language: ja
zone: Asia/Tokyo
hours: {from: "09:00", to: "18:00", days: [mon, tue, wed, thu, fri]}
holidays: {country: JP}
accounts:
  - {id: "%s", name: %s, environment: sandbox, owner: %s}
  - {id: "%s", name: identity-management, environment: management, owner: 情報システム部}
people:
  contractor_prefixes: ["ext-"]
  known:
    - upn: %s
      identity_store_user: "%s"
      object_id: "%s"
      display_name: %s
      department: %s
      contractor: true
      sponsor: %s
      enabled: true
identity_center: {account: "%s", region: %s}
sources:
  - name: splunk-prod
    type: local
    logs: [logs/splunk-prod]%s
  - name: cloudtrail-api
    type: local
    logs: [logs/cloudtrail-api]
    coverage:
      - {kind: cloudtrail_management, state: collected, why: asserted}%s
      - {kind: lambda_data, state: not_collected, why: not_held}
%sorder: {cloudtrail: %s, signin: [splunk-prod]}
`, w.account, w.accountName, w.department, w.management, w.upn, w.storeUser, w.objectID, w.display, w.department, w.sponsor,
		w.management, w.region, script, notHeld, source, order)
}

// event is the finding as EventBridge delivers it.
func (w *world) event() object {
	last, created := w.at, w.at.Add(9*time.Minute+38*time.Second)
	count := 1
	if w.variant == "c" {
		last, created, count = w.at.Add(massSpan), w.at.Add(massSpan+9*time.Minute+38*time.Second), 2
	}
	stamp := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
	tags := []any{object{"key": "Project", "value": "ml-training"}}
	if w.hostile() {
		for i := range attacks {
			tags = append(tags, object{"key": fmt.Sprint("Note", i), "value": attacks[i]})
		}
	}
	network := func(asn, org string) string { return fmt.Sprintf("asnNumber: %s asnOrg: %s", asn, org) }
	unusual := object{
		"unusualAPIsAccountProfiling": "", "unusualAPIsUserIdentityProfiling": "GetObject", "unusualASNsUserIdentityProfiling": "",
		"unusualUserAgentsUserIdentityProfiling": "", "isUnusualUserIdentity": "false",
	}
	category := "AWS SDK"
	if w.variant == "c" {
		unusual["unusualASNsUserIdentityProfiling"], unusual["unusualASNsAccountProfiling"] = network(w.remoteASN, w.remoteOrg), network(w.remoteASN, w.remoteOrg)
		unusual["unusualUserAgentsUserIdentityProfiling"], category = "aws-cli", "AWS CLI"
	}
	finding := object{
		"schemaVersion": "2.0", "accountId": w.account, "region": w.region, "partition": "aws", "id": w.finding,
		"arn":  fmt.Sprintf("arn:aws:guardduty:%s:%s:detector/%s/finding/%s", w.region, w.account, w.detector, w.finding),
		"type": "Exfiltration:S3/AnomalousBehavior", "severity": 8.0, "createdAt": stamp(created), "updatedAt": stamp(created),
		"title":       "The API GetObject was invoked in an anomalous way.",
		"description": fmt.Sprintf("APIs commonly used in Exfiltration tactics were invoked by user AssumedRole : %s under unusual circumstances. Such activity is not typically seen from this user.", w.role),
		"resource": object{
			"resourceType": "S3Bucket",
			"accessKeyDetails": object{
				"accessKeyId": w.key, "principalId": w.roleID + ":" + w.upn, "userType": "AssumedRole", "userName": w.role,
			},
			"s3BucketDetails": []any{object{
				"arn": "arn:aws:s3:::" + w.bucket, "name": w.bucket, "type": "Destination", "createdAt": 1714521600.0,
				"owner": object{"id": "CanonicalId"}, "tags": tags,
				"publicAccess": object{"effectivePermission": "NOT_PUBLIC", "permissionConfiguration": object{}},
			}},
		},
		"service": object{
			"serviceName": "guardduty", "detectorId": w.detector, "archived": false, "count": count, "resourceRole": "TARGET",
			"eventFirstSeen": stamp(w.at), "eventLastSeen": stamp(last), "featureName": "S3DataEvents",
			"action": object{"actionType": "AWS_API_CALL", "awsApiCallAction": object{
				"api": "GetObject", "serviceName": "s3.amazonaws.com", "callerType": "Remote IP",
				"affectedResources": object{"AWS::S3::Bucket": w.bucket},
				"remoteIpDetails": object{
					"ipAddressV4": w.remote, "country": object{"countryName": w.remoteCountry}, "city": object{"cityName": w.remoteCity},
					"geoLocation":  object{"lat": w.latitude, "lon": w.longitude},
					"organization": object{"asn": w.remoteASN, "asnOrg": w.remoteOrg, "isp": w.remoteOrg, "org": w.remoteOrg},
				},
			}},
			"additionalInfo": object{
				"userAgent": object{"fullUserAgent": "[" + w.tool + w.attack(1) + "]", "userAgentCategory": category},
				"anomalies": object{"anomalousAPIs": "s3.amazonaws.com:[GetObject:success]"},
				"profiledBehavior": object{
					"frequentProfiledAPIsUserIdentityProfiling": "GetCallerIdentity , ListBuckets , GetBucketLocation", "rareProfiledAPIsAccountProfiling": "",
					"frequentProfiledUserNamesAccountProfiling": "etl-nightly , inventory-scanner",
					"frequentProfiledASNsUserIdentityProfiling": network(w.asn, w.asnOrg),
					"frequentProfiledASNsAccountProfiling":      network("64496", "EXAMPLE-CORP"),
				},
				"unusualBehavior": unusual,
			},
		},
	}
	return object{
		"version": "0", "id": w.uuidOf(w.finding), "detail-type": "GuardDuty Finding", "source": "aws.guardduty", "account": w.account,
		"time": iso(created), "region": w.region, "resources": []any{}, "detail": finding,
	}
}

// uuidOf makes an id of hex digits without drawing another random number.
func (w *world) uuidOf(h string) string {
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
}
