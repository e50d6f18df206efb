package fact

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"uratori/finding"
)

// resourceFamilies are the families of findings whose call is about a resource that logs name, so that
// it can be said whether the principal touched it before.
var resourceFamilies = []string{"s3", "iam", "cdr", "ai", "generic", "eks_audit"}

var namedDefs = []Def{
	{Key: "event.named_resource", Families: []string{"iam", "cdr", "ai", "generic", "eks_audit"}, Rule: func(v *view, _ string) result { return v.namedResource() }, Type: Text, Kind: Observed, JA: "操作の対象", EN: "what the call was about", Says: "affectedResources of the finding, else the request's own parameter that names it; of a cluster the object of the request"},
}

// byParameters tells whether the principal's earlier calls are searched for the resource by their
// parameters: buckets and objects of a cluster are fields of their own.
func (v *view) byParameters() bool {
	family := finding.FamilyOf(v.f)
	return !slices.Contains(bucketFamilies, family) && family != "eks_audit"
}

// unnamed is why an aspect of the event cannot be compared: many calls are about no resource in
// particular, and a cluster lies in one Region.
func (v *view) unnamed(aspect string) result {
	family := finding.FamilyOf(v.f)
	switch {
	case aspect == "region" && family == "eks_audit":
		return notApplicable(findingRef)
	case aspect == "resource" && !slices.Contains(bucketFamilies, family):
		return v.namedResource()
	}
	return unknown("finding", findingRef)
}

// namedResource is what the event's call was about.
func (v *view) namedResource() result {
	return memo(v, "named resource", func() result {
		family := finding.FamilyOf(v.f)
		if slices.Contains(bucketFamilies, family) {
			return told(v.bucket())
		}
		if family == "eks_audit" {
			return v.clusterObject()
		}
		for _, kind := range slices.Sorted(maps.Keys(v.f.Action.Affected)) {
			if name := resourceName(v.f.Action.Affected[kind]); kind != "AWS::S3::Bucket" && name != "" {
				return known(TextOf(name), findingRef)
			}
		}
		if family == "cdr" {
			r := changeTarget(v, "")
			if r.state == Known {
				r.value = TextOf(resourceName(r.value.Str))
			}
			return r
		}
		t, why, ok := v.ask("access.calls", "")
		switch _, api, _ := v.primary(); {
		case !ok && why.gap.Key == "question": // of the kinds of call that name what they are about, nobody asks
			return notApplicable(findingRef)
		case !ok:
			return why
		default:
			return v.nearestTarget(t, api)
		}
	})
}

// nearestTarget is what the call of an API nearest to the event was about.
func (v *view) nearestTarget(t table, api string) result {
	at, _ := v.at()
	best := -1
	for i := range t.len() {
		if t.text(i, "api") != api || targetOf(t, i) == "" {
			continue
		}
		if best < 0 || t.time(i, "event_time").Sub(at).Abs() < t.time(best, "event_time").Sub(at).Abs() {
			best = i
		}
	}
	if best < 0 {
		return notApplicable(findingRef)
	}
	name := resourceName(targetOf(t, best))
	if name == "" {
		return notApplicable(t.row(best))
	}
	return known(TextOf(name), findingRef, t.row(best))
}

// resourceName is the name within an ARN, or a name as it is: requests name a resource by either. A
// version or alias behind a function is left out, and the characters that Secrets Manager hangs on
// the name of a secret (AWS Secrets Manager User Guide, "What's in a Secrets Manager secret?").
func resourceName(s string) string {
	if !strings.HasPrefix(s, "arn:") {
		return s
	}
	parts := strings.SplitN(s, ":", 6)
	if len(parts) < 6 {
		return s
	}
	name := parts[5]
	if i := strings.IndexAny(name, "/:"); i >= 0 {
		name = name[i+1:]
	}
	switch parts[2] {
	case "lambda":
		name, _, _ = strings.Cut(name, ":")
	case "secretsmanager":
		if i := len(name) - 7; i > 0 && name[i] == '-' {
			name = name[:i]
		}
	}
	return name
}

// names tells whether a request's parameters name a resource: one of their texts is its name or its ARN.
func names(parameters, resource string) bool {
	var at any
	if json.Unmarshal([]byte(parameters), &at) != nil {
		return false
	}
	return holdsName(at, resource)
}

func holdsName(at any, resource string) bool {
	switch at := at.(type) {
	case string:
		return resourceName(at) == resource
	case []any:
		return slices.ContainsFunc(at, func(v any) bool { return holdsName(v, resource) })
	case map[string]any:
		for _, v := range at {
			if holdsName(v, resource) {
				return true
			}
		}
	}
	return false
}

// noveltyOfNamed looks for the resource among the parameters of the principal's earlier calls, of
// which there are as many as the question for the APIs counts.
func (v *view) noveltyOfNamed(n novelty) novelty {
	t, why, ok := v.ask("baseline.seen_resource", "")
	if !ok {
		n.why = why
		return n
	}
	calls, ok := v.past("api")
	if !ok {
		_, n.why, _ = v.ask("baseline.seen_api", "")
		return n
	}
	for i := range t.len() {
		if !names(t.text(i, "raw:requestParameters"), n.observed) {
			continue
		}
		if at := t.time(i, "event_time"); n.before == 0 || at.Before(n.first) {
			n.first = at
		}
		n.before++
	}
	n.ok, n.base, n.exact, n.window = true, calls.total, t.Exact && calls.t.Exact, t.window()
	n.from = compactRefs(append(slices.Clone(v.namedResource().from), t.ref(), calls.t.ref()))
	if hours, ok := v.past("hour"); ok && hours.t.Item.Scope == t.Item.Scope {
		n.days = hours.days(v)
	}
	if t.part() {
		n.part = gapOf(t.Answered)
	}
	return n
}
