package fact

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"uratori/finding"
	"uratori/query"
)

// What an analyst tells of a request to a cluster: what was done to what, who stands behind the user,
// what was granted and whether it still stands, and where the service account's role is used.
var clusterDefs = []Def{
	{Key: "kubernetes.object", Families: kubernetesFamily, Rule: func(v *view, _ string) result { return v.clusterObject() }, Type: Text, Kind: Observed, JA: "対象のオブジェクト", EN: "object of the request", Says: "the record, else the finding: kind, namespace and name, by the path where neither names them"},
	{Key: "kubernetes.object_named", Families: kubernetesFamily, Rule: k8sNamed, Type: Text, Kind: Observed, JA: "対象の名前", EN: "what the request named", Says: "namespace and name of the object, of a list the namespace; the kind is told by the call"},
	{Key: "kubernetes.writes", Families: kubernetesFamily, Rule: k8sCount(func(c k8sCall) bool {
		return c.done() && slices.Contains(writeVerbs, c.verb) && !commandRun(c) && !strings.HasPrefix(c.resource, "selfsubject")
	}), Type: Int, Kind: Computed, JA: "クラスターへの書き込み", EN: "writes to the cluster", Says: "create, update, patch and delete that succeeded, without commands in containers and checks of one's own permissions"},
	{Key: "kubernetes.resource", Families: kubernetesFamily, Rule: func(v *view, _ string) result { return k8sTold(v.request().resource) }, Type: Text, Kind: Observed, JA: "オブジェクトの種類", EN: "kind of object", Says: "the record, else the finding, else the path"},
	{Key: "kubernetes.object_name", Families: kubernetesFamily, Rule: func(v *view, _ string) result { return k8sTold(v.request().name) }, Type: Text, Kind: Observed, JA: "オブジェクトの名前", EN: "name of the object", Says: "the record, else the finding, else the path"},
	{Key: "kubernetes.impersonated", Families: kubernetesFamily, Rule: k8sImpersonated, Type: Text, Kind: Observed, JA: "成り代わったユーザー", EN: "user that was acted as", Says: "impersonatedUser of the record"},
	{Key: "kubernetes.decision_reason", Families: kubernetesFamily, Rule: k8sReason, Type: Text, Kind: Observed, JA: "許可または拒否の理由", EN: "why it was allowed or denied", Says: "authorization.k8s.io/reason of the record"},
	{Key: "kubernetes.anonymous_use", Families: kubernetesFamily, Rule: k8sAnonymous("kubernetes.anonymous_use", false), Type: Int, Kind: Computed, JA: "クラスターへの認証のないリクエストの成功", EN: "requests to the cluster without authentication that succeeded", Says: "system:anonymous in the same cluster, where the finding's user is another; status 2xx, other than health and version", Reads: k8sReads},
	{Key: "kubernetes.anonymous_from", Families: kubernetesFamily, Rule: k8sAnonymousFrom, Type: Texts, Kind: Observed, JA: "匿名ユーザーの送信元", EN: "addresses of the anonymous users", Says: "different sources of those requests, at most 20"},
	{Key: "kubernetes.still_active", Families: kubernetesFamily, Rule: k8sActive, Type: Bool, Kind: Computed, JA: "クラスターでの操作の継続", EN: "still active in the cluster", Says: "the user has requests after the finding's last seen"},
	{Key: "kubernetes.secrets_list", Families: kubernetesFamily, Rule: k8sObjects(secretRead), Type: Texts, Kind: Observed, JA: "読み取られたSecret", EN: "Secrets that were read", Says: "namespace and name of each, of a list the namespace; at most 20"},
	{Key: "kubernetes.exec_list", Families: kubernetesFamily, Rule: k8sObjects(commandRun), Type: Texts, Kind: Observed, JA: "コマンドが実行されたPod", EN: "pods in which commands were run", Says: "namespace and name of each; at most 20"},
	{Key: "kubernetes.rbac_objects", Families: kubernetesFamily, Rule: k8sObjects(func(c k8sCall) bool { return c.ok() && rbac(c) }), Type: Texts, Kind: Observed, JA: "変更されたRBACの対象", EN: "objects of RBAC that were changed", Says: "kind and name of each role and binding that the user wrote; at most 20"},
	{Key: "kubernetes.rbac_grants", Families: kubernetesFamily, Rule: k8sGrants, Type: Texts, Kind: Observed, JA: "付与された権限", EN: "what was granted, and to whom", Says: "roleRef and subjects of the bindings that the user wrote, where what was sent is recorded; at most 20"},
	{Key: "kubernetes.rbac_standing", Families: kubernetesFamily, Rule: k8sStanding, Type: Int, Kind: Computed, JA: "削除されていないRBACの変更", EN: "changes of RBAC not taken back", Says: "objects that the user wrote of which the log shows no later deletion by anyone, within a day after the event"},
	{Key: "kubernetes.role_calls", Families: kubernetesFamily, Rule: ofRoleUse(func(t table) result { n, _ := t.sum("n", every); return t.counted(n) }), Type: Int, Kind: Computed, JA: "サービスアカウントのロールによるAWSの操作", EN: "AWS calls by the service account's role", Says: "calls with the keys that its role assumptions issued"},
	{Key: "kubernetes.role_addresses", Families: kubernetesFamily, Rule: ofRoleUse(func(t table) result { return t.texts("source_ip") }), Type: Texts, Kind: Observed, JA: "サービスアカウントのロールの送信元", EN: "addresses of the service account's role", Says: "different sources of those calls, at most 20"},
	{Key: "kubernetes.role_apis", Families: kubernetesFamily, Rule: ofRoleUse(func(t table) result { return t.texts("api") }), Type: Texts, Kind: Observed, JA: "サービスアカウントのロールが使ったAPI", EN: "APIs that the service account's role used", Says: "different APIs of those calls, at most 20"},
}

// ofCluster tells whether the finding is about a request to a cluster.
func (v *view) ofCluster() bool { return finding.FamilyOf(v.f) == "eks_audit" }

// faceless tells whether the finding's user is one that no AWS principal and no person's sign-in stands
// behind: nobody at all, a service account, a node or a component.
func (v *view) faceless() bool {
	user := v.f.Kubernetes().User
	return v.ofCluster() && (strings.HasPrefix(user, "system:") || strings.HasPrefix(user, "eks:"))
}

// ofPrincipal tells whether a fact is about an AWS principal, its session or the person behind it.
func (d Def) ofPrincipal() bool {
	group, _, _ := strings.Cut(string(d.Key), ".")
	switch group {
	case "chain", "signin", "identity", "person":
		return true
	case "actor":
		return !slices.Contains([]Key{"actor.kind", "actor.name"}, d.Key)
	case "baseline":
		return slices.Contains([]Key{"baseline.midnight", "baseline.usual_hours", "baseline.hour_is_usual"}, d.Key)
	case "activity", "impact":
		return d.ofSession() || d.Key == "activity.own_logging_changes"
	}
	return false
}

// api is what was asked for, such as "create pods/exec"; of a path without an object the verb alone.
func (c k8sCall) api() string {
	s := c.verb
	if c.resource != "" {
		s = strings.TrimSpace(s + " " + c.resource)
		if c.subresource != "" {
			s += "/" + c.subresource
		}
	}
	return s
}

// request is the finding's own request: as its record has it, else as the finding tells it, else by its path.
func (v *view) request() k8sCall {
	return memo(v, "k8s request", func() k8sCall {
		if t, _, ok := v.eventRows(); ok && t.len() > 0 {
			return k8sCall{
				verb: t.text(0, "verb"), uri: t.text(0, "request_uri"), user: t.text(0, "user_name"), resource: t.text(0, "resource"),
				subresource: t.text(0, "subresource"), namespace: t.text(0, "namespace"), name: t.text(0, "name"), status: t.int(0, "status"),
			}
		}
		k := v.f.Kubernetes()
		c := k8sCall{verb: k.Verb, uri: k.URI, user: k.User, resource: k.Resource, subresource: k.Sub, namespace: k.Namespace, name: k.Name, status: int64(k.StatusCode)}
		if c.resource == "" {
			c.resource, c.subresource, c.namespace, c.name = ofPath(k.URI)
		}
		return c
	})
}

// ofPath reads what a path names (Kubernetes documentation, "Kubernetes API Concepts", resource URIs):
// /api/v1 or /apis/GROUP/VERSION, then namespaces/NAMESPACE, the kind, the name and a part of it.
func ofPath(uri string) (resource, sub, namespace, name string) {
	path, _, _ := strings.Cut(uri, "?")
	steps := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case len(steps) > 2 && steps[0] == "api":
		steps = steps[2:]
	case len(steps) > 3 && steps[0] == "apis":
		steps = steps[3:]
	default:
		return "", "", "", ""
	}
	if len(steps) > 2 && steps[0] == "namespaces" {
		namespace, steps = steps[1], steps[2:]
	}
	at := func(i int) string {
		if i < len(steps) {
			return steps[i]
		}
		return ""
	}
	return at(0), at(2), namespace, at(1)
}

// clusterObject is what the request was about.
func (v *view) clusterObject() result {
	c := v.request()
	if c.resource == "" {
		return notApplicable(findingRef)
	}
	if t, _, ok := v.eventRows(); ok && t.len() > 0 {
		return known(TextOf(c.object()), t.row(0))
	}
	return told(c.object())
}

func k8sNamed(v *view, _ string) result {
	r := v.clusterObject()
	if r.state != Known {
		return r
	}
	c := v.request()
	name := strings.Trim(c.namespace+"/"+c.name, "/")
	if name == "" {
		return notApplicable(r.from...)
	}
	r.value = TextOf(name)
	return r
}

// open tells whether a request without a credential was given what not everybody may have.
func open(c k8sCall) bool { return c.ok() && c.user == anonymousUser && !public(c.uri) }

// k8sAnonymous counts such requests of the finding's own user, or of others if it is somebody.
func k8sAnonymous(key Key, own bool) func(*view, string) result {
	return func(v *view, _ string) result {
		if own != (v.f.Kubernetes().User == anonymousUser) {
			return notApplicable(findingRef)
		}
		t, list, why, ok := v.k8sCalls(key)
		if !ok {
			return why
		}
		var n int64
		for _, c := range list {
			if open(c) {
				n++
			}
		}
		return t.counted(n)
	}
}

func k8sAnonymousFrom(v *view, _ string) result {
	if v.f.Kubernetes().User == anonymousUser {
		return notApplicable(findingRef)
	}
	t, list, why, ok := v.k8sCalls("kubernetes.anonymous_use")
	if !ok {
		return why
	}
	var sources []string
	for _, c := range list {
		if open(c) && c.source != "" {
			sources = append(sources, c.source)
		}
	}
	if sources = sortedCopy(sources); len(sources) == 0 {
		return t.empty()
	}
	return t.measured(TextsOf(sources[:min(20, len(sources))], len(sources) > 20), true)
}

// ofRecordedRequest is a column of the record of the finding's own request.
func ofRecordedRequest(v *view, col string) result {
	t, why, ok := v.eventRows()
	switch {
	case !ok:
		return why
	case t.len() == 0:
		return t.empty()
	case t.text(0, col) == "":
		return notApplicable(t.row(0))
	}
	return known(TextOf(t.text(0, col)), t.row(0))
}

func k8sImpersonated(v *view, _ string) result { return ofRecordedRequest(v, "impersonated_user") }

func k8sReason(v *view, _ string) result { return ofRecordedRequest(v, "decision_reason") }

func k8sActive(v *view, _ string) result {
	t, list, why, ok := v.k8sCalls("kubernetes.requests")
	if !ok {
		return why
	}
	last := v.f.LastSeen
	if last.IsZero() {
		last, _ = v.at()
	}
	for _, c := range list {
		if c.at.After(last) {
			return t.has(true, findingRef, t.row(c.row))
		}
	}
	return t.has(false, findingRef)
}

func secretRead(c k8sCall) bool {
	return c.ok() && c.resource == "secrets" && slices.Contains([]string{"get", "list", "watch"}, c.verb)
}

func commandRun(c k8sCall) bool {
	return c.done() && c.resource == "pods" && slices.Contains([]string{"exec", "attach"}, c.subresource)
}

// k8sObjects are the different objects of the user's requests that fit. Of Secrets and pods the kind is
// told by the fact.
func k8sObjects(fits func(k8sCall) bool) func(*view, string) result {
	return func(v *view, _ string) result {
		t, list, why, ok := v.k8sCalls("kubernetes.requests")
		if !ok {
			return why
		}
		var objects []string
		var refs []Ref
		for _, c := range list {
			if !fits(c) {
				continue
			}
			s := c.object()
			if !rbac(c) {
				s = firstText(strings.Trim(c.namespace+"/"+c.name, "/"), s)
			}
			if !slices.Contains(objects, s) {
				objects, refs = append(objects, s), append(refs, t.row(c.row))
			}
		}
		if len(objects) == 0 {
			return t.empty()
		}
		slices.Sort(objects)
		more := len(objects) > 20
		r := t.measured(TextsOf(objects[:min(20, len(objects))], more), true)
		r.from = append(r.from, refs[:min(20, len(refs))]...)
		return r
	}
}

// A binding is what a request to bind a role says (Kubernetes API reference, RoleBinding v1).
type binding struct {
	RoleRef struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
	} `json:"roleRef"`
	Subjects []struct {
		Kind      string `json:"kind"`
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"subjects"`
}

func (b binding) grants() (list []string) {
	role := strings.TrimSpace(b.RoleRef.Kind + " " + b.RoleRef.Name)
	if role == "" {
		return nil
	}
	for _, s := range b.Subjects {
		list = append(list, role+" -> "+strings.TrimSpace(s.Kind+" "+strings.Trim(s.Namespace+"/"+s.Name, "/")))
	}
	if len(list) == 0 {
		list = []string{role}
	}
	return list
}

// k8sGrants are what the user's bindings grant. The audit policy may leave out what was sent.
func k8sGrants(v *view, _ string) result {
	t, list, why, ok := v.k8sCalls("kubernetes.requests")
	if !ok {
		return why
	}
	var grants []string
	var refs []Ref
	unseen := false
	for _, c := range list {
		if !c.ok() || !strings.HasSuffix(c.resource, "rolebindings") || !slices.Contains([]string{"create", "update", "patch"}, c.verb) {
			continue
		}
		var b binding
		if c.sent == "" || json.Unmarshal([]byte(c.sent), &b) != nil || len(b.grants()) == 0 {
			unseen = true
			continue
		}
		grants, refs = append(grants, b.grants()...), append(refs, t.row(c.row))
	}
	grants = sortedCopy(grants)
	switch {
	case len(grants) == 0 && unseen:
		return result{state: Unknown, gap: Gap{Key: "k8s_request"}, from: []Ref{t.ref()}, window: t.window()}
	case len(grants) == 0:
		return t.empty()
	}
	more := len(grants) > 20 || unseen
	r := t.measured(TextsOf(grants[:min(20, len(grants))], more), true)
	r.from = append(r.from, refs...)
	return r
}

// k8sStanding counts the objects of RBAC that the user wrote and nobody has deleted since.
func k8sStanding(v *view, _ string) result {
	t, list, why, ok := v.k8sCalls("kubernetes.rbac_list")
	if !ok {
		return why
	}
	user := v.f.Kubernetes().User
	last := map[string]k8sCall{}
	own := map[string]bool{}
	for _, c := range list {
		if c.ok() && rbac(c) {
			last[c.object()] = c
			own[c.object()] = own[c.object()] || c.user == user && !strings.HasPrefix(c.verb, "delete")
		}
	}
	var n int64
	var refs []Ref
	for _, object := range slices.Sorted(maps.Keys(last)) {
		if c := last[object]; own[object] && !strings.HasPrefix(c.verb, "delete") {
			n, refs = n+1, append(refs, t.row(c.row))
		}
	}
	r := t.counted(n)
	if n > 0 && !t.Exact { // a deletion may be unseen
		r.state, r.value, r.gap = Unknown, Value{}, t.gap()
	}
	r.from = append(r.from, refs[:min(20, len(refs))]...)
	return r
}

// ofRoleUse is a rule over what was done in AWS with the keys that the service account's role
// assumptions issued. Without an assumption there is no such key.
func ofRoleUse(get func(table) result) func(*view, string) result {
	return func(v *view, _ string) result {
		if sa := k8sServiceAccount(v, ""); sa.state == NotApplicable {
			return sa
		}
		if t, why, ok := v.ask("kubernetes.service_account_roles", ""); ok && t.len() == 0 {
			return t.empty()
		} else if !ok {
			return why
		}
		return ofTable("kubernetes.role_calls", func(_ *view, t table) result { return get(t) })(v, "")
	}
}

// roleKeys are the keys that the service account's role assumptions issued: parameters, never printed.
func (v *view) roleKeys() (list []string) {
	t, _, ok := v.ask("kubernetes.service_account_roles", "")
	if !ok {
		return nil
	}
	for i := range t.len() {
		if key := t.text(i, "new_access_key"); key != "" && t.text(i, "error_code") == "" {
			list = append(list, key)
		}
	}
	return sortedCopy(list)
}

func roleKeySet(v *view) (query.Value, bool) {
	list := v.roleKeys()
	set := make([]query.Value, 0, len(list))
	for _, k := range list[:min(maxHopKeys, len(list))] {
		set = append(set, query.TextOf(k))
	}
	return query.SetOf(set, len(list) > maxHopKeys), len(set) > 0
}

// mappedARN is the IAM principal that the finding's user was mapped from.
func (v *view) mappedARN() string {
	if t, _, ok := v.eventRows(); ok && t.len() > 0 && v.ofCluster() {
		return t.text(0, "user_arn")
	}
	return ""
}
