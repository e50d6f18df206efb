package awstest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A History is the event history and the trails of all accounts: the CloudTrail service behind a
// [Server]. It keeps the limits of the real one: two calls of LookupEvents a second, 50 events a
// page, one attribute, 90 days, tokens that are good for the same parameters only, newest first.
type History struct {
	s *Server

	mu     sync.Mutex
	now    func() time.Time
	late   time.Duration
	events []entry // newest first
	sorted bool
	trails []Trail
	stores []EventDataStore
}

// An entry is one event as LookupEvents lists it.
type entry struct {
	account, region                    string
	id, name, source, user, key, reads string
	at                                 time.Time
	resources                          [][2]string // type and name
	raw                                string
}

// A Trail is a trail and its settings.
type Trail struct {
	Account     string // that owns it
	Name        string
	HomeRegion  string
	MultiRegion bool
	Members     []string // accounts of the organisation that see it as a shadow trail
	// Selectors are basic or advanced event selectors: members of GetEventSelectorsResponse.
	Selectors map[string]any
	Logging   bool
	Started   time.Time // zero for never
	Stopped   time.Time
}

func (t Trail) arn() string {
	return "arn:aws:cloudtrail:" + t.HomeRegion + ":" + t.Account + ":trail/" + t.Name
}

// seen tells whether the trail is listed in an account and Region.
func (t Trail) seen(account, region string) bool {
	return (t.Account == account || slices.Contains(t.Members, account)) && (t.MultiRegion || t.HomeRegion == region)
}

// An EventDataStore is a store of CloudTrail Lake.
type EventDataStore struct {
	Account, Region, Name string
	Enabled, MultiRegion  bool
	Advanced              []any // AdvancedEventSelectors
	Created, Updated      time.Time
}

func (e EventDataStore) arn() string {
	sum := sha256.Sum256([]byte(e.Account + e.Region + e.Name))
	h := hex.EncodeToString(sum[:])
	return fmt.Sprintf("arn:aws:cloudtrail:%s:%s:eventdatastore/%s-%s-%s-%s-%s", e.Region, e.Account, h[:8], h[8:12], h[12:16], h[16:20], h[20:32])
}

// NewHistory gives a server a CloudTrail service; the server must have been told of "cloudtrail".
// now is the time by which 90 days are counted.
func NewHistory(s *Server, now func() time.Time) *History {
	h := &History{s: s, now: now}
	s.Handle("cloudtrail", "LookupEvents", h.lookup)
	s.Handle("cloudtrail", "DescribeTrails", h.describe)
	s.Handle("cloudtrail", "GetTrailStatus", h.status)
	s.Handle("cloudtrail", "GetEventSelectors", h.selectors)
	s.Handle("cloudtrail", "ListEventDataStores", h.listStores)
	s.Handle("cloudtrail", "GetEventDataStore", h.store)
	s.Limit("cloudtrail:LookupEvents", 2)
	return h
}

// Late makes events appear only that long after they happened.
func (h *History) Late(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.late = d
}

// AddTrail adds a trail.
func (h *History) AddTrail(t Trail) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trails = append(h.trails, t)
}

// AddStore adds an event data store.
func (h *History) AddStore(e EventDataStore) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stores = append(h.stores, e)
}

// Add adds CloudTrail records, as their log writes them. Data events are no part of event history
// and are passed over. A record that does not say account, Region, id and time fails the test.
func (h *History) Add(records ...[]byte) {
	h.s.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, raw := range records {
		var r struct {
			EventID, EventTime, EventName, EventSource, EventCategory string
			AwsRegion, RecipientAccountID                             string
			ReadOnly, ManagementEvent                                 *bool
			UserIdentity                                              struct{ Type, PrincipalID, UserName, AccessKeyID string }
			RequestParameters                                         map[string]any
			Resources                                                 []struct{ ARN, Type string }
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			h.s.t.Fatalf("awstest: a CloudTrail record: %v", err)
		}
		at, err := time.Parse(time.RFC3339, r.EventTime)
		if err != nil || r.EventID == "" || r.AwsRegion == "" || r.RecipientAccountID == "" {
			h.s.t.Fatalf("awstest: a CloudTrail record needs eventTime, eventID, awsRegion and recipientAccountId: %.200s", raw)
		}
		if r.EventCategory == "Data" || r.ManagementEvent != nil && !*r.ManagementEvent {
			continue
		}
		e := entry{
			account: r.RecipientAccountID, region: r.AwsRegion, id: r.EventID, name: r.EventName, source: r.EventSource,
			key: r.UserIdentity.AccessKeyID, at: at, raw: string(raw),
		}
		switch r.UserIdentity.Type {
		case "AssumedRole":
			_, e.user, _ = strings.Cut(r.UserIdentity.PrincipalID, ":")
		case "Root":
			e.user = "root"
		default:
			e.user = r.UserIdentity.UserName
		}
		if r.ReadOnly != nil {
			e.reads = strconv.FormatBool(*r.ReadOnly)
		}
		for _, x := range r.Resources {
			e.resources = append(e.resources, [2]string{x.Type, x.ARN})
		}
		for member, kind := range map[string]string{"bucketName": "AWS::S3::Bucket", "roleArn": "AWS::IAM::Role", "name": "AWS::CloudTrail::Trail"} {
			if text, ok := r.RequestParameters[member].(string); ok {
				e.resources = append(e.resources, [2]string{kind, text})
			}
		}
		slices.SortFunc(e.resources, func(a, b [2]string) int { return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1])) })
		h.events = append(h.events, e)
	}
	h.sorted = false
}

// has tells whether the event has a lookup attribute.
func (e entry) has(key, value string) bool {
	switch key {
	case "EventId":
		return e.id == value
	case "EventName":
		return e.name == value
	case "ReadOnly":
		return e.reads == value
	case "Username":
		return e.user == value
	case "EventSource":
		return e.source == value
	case "AccessKeyId":
		return e.key == value
	case "ResourceType":
		return slices.ContainsFunc(e.resources, func(r [2]string) bool { return r[0] == value })
	case "ResourceName":
		return slices.ContainsFunc(e.resources, func(r [2]string) bool { return r[1] == value })
	}
	return false
}

func (h *History) lookup(req Request) (any, error) {
	var in struct {
		LookupAttributes   []struct{ AttributeKey, AttributeValue string }
		StartTime, EndTime *time.Time
		EventCategory      string
		MaxResults         *int
		NextToken          string
	}
	if err := req.Into(&in); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	switch {
	case len(in.LookupAttributes) > 1:
		return nil, &Error{Code: "InvalidLookupAttributesException", Message: "You can specify only one lookup attribute."}
	case in.StartTime != nil && in.EndTime != nil && in.StartTime.After(*in.EndTime):
		return nil, &Error{Code: "InvalidTimeRangeException", Message: "The start time is after the end time."}
	case in.StartTime != nil && in.StartTime.Before(now.Add(-90*24*time.Hour)):
		return nil, &Error{Code: "InvalidTimeRangeException", Message: "The start time is more than 90 days ago."}
	}
	size := 50
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	// A token is good for the parameters that it came with.
	params := fmt.Sprintf("%s %s %v %v %v %d", req.Account, req.Region, in.LookupAttributes, in.StartTime, in.EndTime, size)
	sum := sha256.Sum256([]byte(params))
	mark := hex.EncodeToString(sum[:8])
	skip := 0
	if in.NextToken != "" {
		bound, at, _ := strings.Cut(in.NextToken, "/")
		n, err := strconv.Atoi(at)
		if err != nil || bound != mark {
			return nil, &Error{Code: "InvalidNextTokenException", Message: "The token is not valid, or the parameters are not those that it was given for."}
		}
		skip = n
	}
	if !h.sorted {
		slices.SortStableFunc(h.events, func(a, b entry) int { return cmp.Or(b.at.Compare(a.at), strings.Compare(a.id, b.id)) })
		h.sorted = true
	}
	var page []any
	more := false
	for _, e := range h.events {
		if e.account != req.Account || e.region != req.Region || e.at.After(now.Add(-h.late)) || e.at.Before(now.Add(-90*24*time.Hour)) ||
			in.StartTime != nil && e.at.Before(*in.StartTime) || in.EndTime != nil && e.at.After(*in.EndTime) {
			continue
		}
		if len(in.LookupAttributes) == 1 && !e.has(in.LookupAttributes[0].AttributeKey, in.LookupAttributes[0].AttributeValue) {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		if len(page) == size {
			more = true
			break
		}
		page = append(page, e.listed())
	}
	out := map[string]any{"Events": page}
	if page == nil {
		out["Events"] = []any{}
	}
	if more {
		_, at, _ := strings.Cut(in.NextToken, "/")
		n, _ := strconv.Atoi(at) // "" on the first page
		out["NextToken"] = fmt.Sprintf("%s/%d", mark, n+size)
	}
	return out, nil
}

func (e entry) listed() map[string]any {
	out := map[string]any{"EventId": e.id, "EventName": e.name, "EventTime": e.at, "EventSource": e.source, "CloudTrailEvent": e.raw}
	for member, v := range map[string]string{"ReadOnly": e.reads, "AccessKeyId": e.key, "Username": e.user} {
		if v != "" {
			out[member] = v
		}
	}
	list := []any{}
	for _, r := range e.resources {
		list = append(list, map[string]any{"ResourceType": r[0], "ResourceName": r[1]})
	}
	out["Resources"] = list
	return out
}

func (h *History) describe(req Request) (any, error) {
	var in struct {
		TrailNameList       []string
		IncludeShadowTrails *bool
	}
	if err := req.Into(&in); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	list := []any{}
	for _, t := range h.trails {
		shadow := t.HomeRegion != req.Region || t.Account != req.Account
		if !t.seen(req.Account, req.Region) || shadow && in.IncludeShadowTrails != nil && !*in.IncludeShadowTrails ||
			len(in.TrailNameList) > 0 && !slices.Contains(in.TrailNameList, t.Name) && !slices.Contains(in.TrailNameList, t.arn()) {
			continue
		}
		_, custom := t.Selectors["AdvancedEventSelectors"]
		list = append(list, map[string]any{
			"Name": t.Name, "TrailARN": t.arn(), "HomeRegion": t.HomeRegion, "IsMultiRegionTrail": t.MultiRegion, "S3BucketName": "example-org-cloudtrail",
			"IncludeGlobalServiceEvents": true, "IsOrganizationTrail": len(t.Members) > 0, "LogFileValidationEnabled": true,
			"HasCustomEventSelectors": custom, "HasInsightSelectors": false,
		})
	}
	return map[string]any{"trailList": list}, nil
}

// trail finds a trail by name, in its home Region, or by ARN.
func (h *History) trail(req Request, name string) (Trail, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.trails {
		if t.seen(req.Account, req.Region) && (name == t.arn() || name == t.Name && t.HomeRegion == req.Region && t.Account == req.Account) {
			return t, nil
		}
	}
	return Trail{}, &Error{Code: "TrailNotFoundException", Message: "Unknown trail: " + name}
}

func (h *History) status(req Request) (any, error) {
	t, err := h.trail(req, req.Text("Name"))
	if err != nil {
		return nil, err
	}
	out := map[string]any{"IsLogging": t.Logging}
	if !t.Started.IsZero() {
		out["StartLoggingTime"] = t.Started
	}
	if !t.Stopped.IsZero() {
		out["StopLoggingTime"] = t.Stopped
	}
	return out, nil
}

func (h *History) selectors(req Request) (any, error) {
	t, err := h.trail(req, req.Text("TrailName"))
	if err != nil {
		return nil, err
	}
	out := map[string]any{"TrailARN": t.arn()}
	for k, v := range t.Selectors {
		out[k] = v
	}
	return out, nil
}

func (h *History) listStores(req Request) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := []any{}
	for _, e := range h.stores {
		if e.Account == req.Account && e.Region == req.Region {
			list = append(list, map[string]any{"EventDataStoreArn": e.arn(), "Name": e.Name})
		}
	}
	return map[string]any{"EventDataStores": list}, nil
}

func (h *History) store(req Request) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.stores {
		if e.Account != req.Account || e.Region != req.Region || e.arn() != req.Text("EventDataStore") {
			continue
		}
		status := "STOPPED_INGESTION"
		if e.Enabled {
			status = "ENABLED"
		}
		return map[string]any{
			"EventDataStoreArn": e.arn(), "Name": e.Name, "Status": status, "MultiRegionEnabled": e.MultiRegion, "OrganizationEnabled": false,
			"RetentionPeriod": 365, "AdvancedEventSelectors": e.Advanced, "CreatedTimestamp": e.Created, "UpdatedTimestamp": e.Updated,
		}, nil
	}
	return nil, &Error{Code: "EventDataStoreNotFoundException"}
}
