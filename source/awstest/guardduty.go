package awstest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Detective is a GuardDuty with its findings and investigations, in one account and Region.
type Detective struct {
	Account, Region string            // "" are [Home] and [Region]
	Detector        string            // "" means that GuardDuty is off there
	Findings        []json.RawMessage // in the lower-case form in which GuardDuty sends them
	Investigations  []json.RawMessage // as GetInvestigation holds them
	PageSize        int               // of lists; 0 is what was asked for
	Frequency       string            // of publishing repeats; "" is SIX_HOURS, as of a detector that nobody changed
}

// ServeGuardDuty lets the server answer for GuardDuty.
func (s *Server) ServeGuardDuty(detectives ...Detective) {
	s.t.Helper()
	d := detecting{s, map[[2]string]*detective{}}
	for _, x := range detectives {
		one := &detective{Detective: x}
		for _, f := range x.Findings {
			one.findings = append(one.findings, s.document("Finding", f))
		}
		for _, i := range x.Investigations {
			one.investigations = append(one.investigations, s.document("Investigation", i))
		}
		d.at[[2]string{either(x.Account, Home), either(x.Region, Region)}] = one
	}
	s.mu.Lock()
	for _, one := range d.at {
		s.detecting = append(s.detecting, one)
	}
	s.mu.Unlock()
	for op, h := range map[string]Handler{
		"ListDetectors": d.listDetectors, "GetDetector": d.getDetector, "ListFindings": d.listFindings, "GetFindings": d.getFindings,
		"CreateInvestigation": d.create, "GetInvestigation": d.getInvestigation, "ListInvestigations": d.listInvestigations,
	} {
		s.Handle("guardduty", op, h)
	}
}

// Finding says what is wrong with a document that is meant to be a finding as GuardDuty sends it:
// EventBridge and vendors send other forms.
func (s *Server) Finding(raw json.RawMessage) []string {
	_, bad := s.read("Finding", raw)
	return bad
}

// read reads a document into the members of its shape, and holds it against the model.
func (s *Server) read(shape string, raw json.RawMessage) (map[string]any, []string) {
	m := s.models["guardduty"]
	v, err := parseJSON(raw)
	if err != nil {
		return nil, []string{err.Error()}
	}
	doc, _ := m.fromJSON(ref{Shape: shape}, v).(map[string]any)
	return doc, m.check("", ref{Shape: shape}, doc)
}

// document reads a document that the service could send.
func (s *Server) document(shape string, raw json.RawMessage) map[string]any {
	s.t.Helper()
	doc, bad := s.read(shape, raw)
	if len(bad) > 0 {
		s.t.Fatalf("awstest: this is no %s: %s", shape, strings.Join(bad, "; "))
	}
	return doc
}

type detective struct {
	Detective
	findings, investigations []map[string]any
	tokens                   map[string]string // ids of investigations by the client's token
}

type detecting struct {
	s  *Server
	at map[[2]string]*detective
}

// Complete ends the investigation of that id, with what it says.
func (s *Server) Complete(id string, said json.RawMessage) {
	s.t.Helper()
	doc := s.document("Investigation", said)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.detecting {
		for _, i := range one.investigations {
			if i["InvestigationId"] == id {
				doc["InvestigationId"] = id
				maps.Copy(i, doc)
				return
			}
		}
	}
	s.t.Errorf("awstest: there is no investigation %q", id)
}

func badRequest(message string) error { return &Error{Code: "BadRequestException", Message: message} }

// here is the detector that a request is for.
func (d detecting) here(req Request) (*detective, error) {
	one := d.at[[2]string{req.Account, req.Region}]
	if one == nil || one.Detector == "" || req.Text("DetectorId") != one.Detector {
		return nil, badRequest("The request is rejected because the input detectorId is not owned by the current account.")
	}
	return one, nil
}

func (d detecting) listDetectors(req Request) (any, error) {
	out := []string{}
	if one := d.at[[2]string{req.Account, req.Region}]; one != nil && one.Detector != "" {
		out = append(out, one.Detector)
	}
	return map[string]any{"DetectorIds": out}, nil
}

func (d detecting) getDetector(req Request) (any, error) {
	one, err := d.here(req)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"ServiceRole": "arn:aws:iam::" + req.Account + ":role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty",
		"Status":      "ENABLED", "FindingPublishingFrequency": either(one.Frequency, "SIX_HOURS"),
	}, nil
}

func (d detecting) getFindings(req Request) (any, error) {
	one, err := d.here(req)
	if err != nil {
		return nil, err
	}
	ids, _ := req.Input["FindingIds"].([]any)
	if len(ids) == 0 {
		return nil, badRequest("The request is rejected because the parameter findingIds is empty.")
	}
	out := []any{}
	for _, f := range one.findings { // in the service's own order
		if slices.Contains(ids, f["Id"]) {
			out = append(out, f)
		}
	}
	return map[string]any{"Findings": out}, nil
}

// attribute is what a criterion is about.
func attribute(f map[string]any, name string) any {
	service, _ := f["Service"].(map[string]any)
	switch name {
	case "severity":
		return f["Severity"]
	case "type":
		return f["Type"]
	case "accountId":
		return f["AccountId"]
	case "updatedAt":
		text, _ := f["UpdatedAt"].(string)
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return int64(0)
		}
		return t.UnixMilli()
	case "service.archived":
		archived, _ := service["Archived"].(bool)
		return strconv.FormatBool(archived)
	}
	return nil
}

func number(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

func matches(f map[string]any, criterion map[string]any) (bool, error) {
	for name, c := range criterion {
		have, condition := attribute(f, name), c.(map[string]any)
		if have == nil {
			return false, badRequest("The request is rejected because the criterion " + name + " is not known here.")
		}
		for op, want := range condition {
			ok := false
			switch op {
			case "Equals":
				ok = slices.Contains(want.([]any), any(fmt.Sprint(have)))
			case "GreaterThanOrEqual":
				ok = number(have) >= number(want)
			default:
				return false, badRequest("The condition " + op + " is not known here.")
			}
			if !ok {
				return false, nil
			}
		}
	}
	return true, nil
}

func (d detecting) listFindings(req Request) (any, error) {
	one, err := d.here(req)
	if err != nil {
		return nil, err
	}
	criteria, _ := req.Input["FindingCriteria"].(map[string]any)
	criterion, _ := criteria["Criterion"].(map[string]any)
	var hits []map[string]any
	for _, f := range one.findings {
		ok, err := matches(f, criterion)
		if err != nil {
			return nil, err
		}
		if ok {
			hits = append(hits, f)
		}
	}
	if by, _ := req.Input["SortCriteria"].(map[string]any); by["AttributeName"] == "updatedAt" && by["OrderBy"] == "DESC" {
		slices.SortStableFunc(hits, func(a, b map[string]any) int {
			return cmp.Compare(number(attribute(b, "updatedAt")), number(attribute(a, "updatedAt")))
		})
	}
	some, next, err := d.page(req, one, len(hits))
	if err != nil {
		return nil, err
	}
	ids := []any{}
	for _, f := range hits[some[0]:some[1]] {
		ids = append(ids, f["Id"])
	}
	return map[string]any{"FindingIds": ids, "NextToken": next}, nil
}

// page is the range of a page of n entries, and the token of the next, which is "" at the end.
func (d detecting) page(req Request, one *detective, n int) ([2]int, string, error) {
	size := 50
	if max, ok := req.Input["MaxResults"].(int64); ok {
		size = int(max)
	}
	if one.PageSize > 0 {
		size = min(size, one.PageSize)
	}
	from := 0
	if token := req.Text("NextToken"); token != "" {
		var err error
		if from, err = strconv.Atoi(strings.TrimPrefix(token, "page")); err != nil || from <= 0 || from >= n {
			return [2]int{}, "", badRequest("The request is rejected because the parameter nextToken has an invalid value.")
		}
	}
	to := min(n, from+size)
	if to < n {
		return [2]int{from, to}, "page" + strconv.Itoa(to), nil
	}
	return [2]int{from, to}, "", nil
}

func (d detecting) create(req Request) (any, error) {
	one, err := d.here(req)
	if err != nil {
		return nil, err
	}
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	token := req.Text("ClientToken")
	if id := one.tokens[token]; id != "" && token != "" {
		return map[string]any{"InvestigationId": id}, nil
	}
	id := fmt.Sprintf("00000000-0000-4000-a000-%012d", len(one.investigations)+1)
	one.investigations = append(one.investigations, map[string]any{
		"InvestigationId": id, "Status": "RUNNING", "TriggerPrompt": req.Text("TriggerPrompt"), "TriggeredBy": req.Account, "StartTime": req.Time.Truncate(time.Second),
	})
	if one.tokens == nil {
		one.tokens = map[string]string{}
	}
	one.tokens[token] = id
	return map[string]any{"InvestigationId": id}, nil
}

func (d detecting) getInvestigation(req Request) (any, error) {
	one, err := d.here(req)
	if err != nil {
		return nil, err
	}
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	for _, i := range one.investigations {
		if i["InvestigationId"] == req.Text("InvestigationId") {
			return map[string]any{"Investigation": maps.Clone(i)}, nil
		}
	}
	return nil, &Error{Code: "ResourceNotFoundException", Message: "The investigation does not exist."}
}

func (d detecting) listInvestigations(req Request) (any, error) {
	one, err := d.here(req)
	if err != nil {
		return nil, err
	}
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	some, next, err := d.page(req, one, len(one.investigations))
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, i := range one.investigations[some[0]:some[1]] {
		short := map[string]any{}
		for _, name := range []string{"InvestigationId", "Status", "TriggerPrompt", "RiskLevel", "Confidence", "StartTime", "EndTime"} {
			if i[name] != nil {
				short[name] = i[name]
			}
		}
		list = append(list, short)
	}
	out := map[string]any{"Investigations": list}
	if next != "" {
		out["NextToken"] = next
	}
	return out, nil
}
