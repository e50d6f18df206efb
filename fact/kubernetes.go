package fact

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"uratori/query"
)

var kubernetesFamily = []string{"eks_audit"}

// What was done in a cluster, and by whom.
var kubernetesDefs = []Def{
	{Key: "kubernetes.cluster", Families: kubernetesFamily, Rule: func(v *view, _ string) result { return told(v.f.Kubernetes().Cluster) }, Type: Text, Kind: External, JA: "クラスター", EN: "cluster", Says: "the finding"},
	{Key: "kubernetes.user", Families: kubernetesFamily, Rule: func(v *view, _ string) result { return told(v.f.Kubernetes().User) }, Type: Text, Kind: External, JA: "Kubernetesユーザー", EN: "Kubernetes user", Says: "the finding"},
	{Key: "kubernetes.user_kind", Families: kubernetesFamily, Rule: k8sUserKind, Type: Name, Kind: Computed, JA: "Kubernetesユーザーの種類", EN: "kind of Kubernetes user", Says: "prefix of the user name; mapped from IAM where the user's id or the record says so", Choices: []string{"anonymous", "service_account", "node", "system", "iam_mapped", "other"}},
	{Key: "kubernetes.groups", Families: kubernetesFamily, Rule: func(v *view, _ string) result { return toldTexts(sortedCopy(v.f.Kubernetes().Groups)) }, Type: Texts, Kind: External, JA: "Kubernetesグループ", EN: "Kubernetes groups", Says: "the finding"},
	{Key: "kubernetes.service_account", Families: kubernetesFamily, Rule: k8sServiceAccount, Type: Text, Kind: Computed, JA: "サービスアカウント", EN: "service account", Says: "the user, if it is one"},
	{Key: "kubernetes.iam_arn", Families: kubernetesFamily, Rule: k8sARN, Type: Text, Kind: Observed, JA: "対応するIAMプリンシパル", EN: "IAM principal mapped to the user", Says: "user.extra.arn of the record"},
	{Key: "kubernetes.verb", Families: kubernetesFamily, Rule: func(v *view, _ string) result { return told(v.f.Kubernetes().Verb) }, Type: Text, Kind: External, JA: "動詞", EN: "verb", Says: "the finding"},
	{Key: "kubernetes.path", Families: kubernetesFamily, Rule: k8sPath, Type: Text, Kind: External, JA: "リクエストのパス", EN: "path of the request", Says: "requestUri of the finding, without its query"},
	{Key: "kubernetes.namespace", Families: kubernetesFamily, Rule: func(v *view, _ string) result { return k8sTold(v.f.Kubernetes().Namespace) }, Type: Text, Kind: External, JA: "名前空間", EN: "namespace", Says: "the finding"},
	{Key: "kubernetes.status", Families: kubernetesFamily, Rule: k8sStatus, Type: Text, Kind: External, JA: "応答の状態コード", EN: "status of the response", Says: "statusCode of the finding"},
	{Key: "kubernetes.requests", Families: kubernetesFamily, Rule: k8sCount(func(k8sCall) bool { return true }), Type: Int, Kind: Computed, JA: "ユーザーのリクエスト", EN: "requests of the user", Says: "different audit ids", Reads: k8sReads},
	{Key: "kubernetes.denied", Families: kubernetesFamily, Rule: k8sCount(func(c k8sCall) bool { return c.decision == "forbid" || c.status == 401 || c.status == 403 }), Type: Int, Kind: Computed, JA: "拒否されたリクエスト", EN: "requests denied", Says: "decision forbid, or status 401 or 403"},
	{Key: "kubernetes.anonymous_successes", Families: kubernetesFamily, Rule: k8sAnonymous("kubernetes.requests", true), Type: Int, Kind: Computed, JA: "匿名で成功したリクエスト", EN: "anonymous requests that succeeded", Says: "the finding's user is system:anonymous, status 2xx, other than health and version"},
	{Key: "kubernetes.execs", Families: kubernetesFamily, Rule: k8sCount(commandRun), Type: Int, Kind: Computed, JA: "コンテナ内でのコマンド実行", EN: "commands run in containers", Says: "pods/exec or pods/attach that succeeded"},
	{Key: "kubernetes.secrets_read", Families: kubernetesFamily, Rule: k8sCount(secretRead), Type: Int, Kind: Computed, JA: "Secretの読み取り", EN: "reads of Secrets", Says: "get, list or watch of secrets that succeeded"},
	{Key: "kubernetes.rbac_changes", Families: kubernetesFamily, Rule: k8sCount(func(c k8sCall) bool { return c.ok() && rbac(c) }), Type: Int, Kind: Computed, JA: "同一ユーザーによるRBACの変更", EN: "changes of RBAC by the user", Says: "writes of roles and bindings that succeeded"},
	{Key: "kubernetes.tokens_made", Families: kubernetesFamily, Rule: k8sCount(func(c k8sCall) bool {
		return c.ok() && c.resource == "serviceaccounts" && c.subresource == "token" && c.verb == "create"
	}), Type: Int, Kind: Computed, JA: "サービスアカウントのトークン発行", EN: "service account tokens issued", Says: "create of serviceaccounts/token that succeeded"},
	{Key: "kubernetes.from_outside", Families: kubernetesFamily, Rule: k8sCount(func(c k8sCall) bool { return c.ok() && fromWithin(c.user) && outside(c.source) }), Type: Int, Kind: Computed, JA: "クラスター自身のIDによる公開アドレスからのリクエスト", EN: "requests by the cluster's own identity from a public address", Says: "the user is a service account, a node or a component of the cluster; its source is a public address; status 2xx"},
	{Key: "kubernetes.privileged_pods", Families: kubernetesFamily, Rule: k8sPrivileged, Type: Int, Kind: Computed, JA: "特権を求めるワークロード", EN: "workloads that ask for privilege", Says: "pods and workloads created or changed with privileged, a host namespace or a hostPath; Unknown where what was sent is not recorded"},
	{Key: "kubernetes.timeline", Families: kubernetesFamily, Rule: k8sTimeline, Type: Table, Kind: Observed, JA: "クラスターでの操作", EN: "what the user did in the cluster", Says: "writes, commands, Secrets and refusals in time order, at most 40", Columns: []Column{
		{Name: "time", Type: Time, JA: "日時", EN: "time"},
		{Name: "verb", Type: Text, JA: "動詞", EN: "verb"},
		{Name: "object", Type: Text, JA: "対象", EN: "object"},
		{Name: "status", Type: Int, JA: "状態コード", EN: "status"},
		{Name: "source", Type: Text, JA: "送信元", EN: "source"},
	}},
	{Key: "kubernetes.rbac_list", Families: kubernetesFamily, Rule: k8sRBACList, Type: Table, Kind: Observed, JA: "RBACの変更と変更者", EN: "changes of RBAC and who made them", Says: "writes of roles and bindings by anyone in the cluster that succeeded, at most 40", Reads: k8sReads, Columns: []Column{
		{Name: "time", Type: Time, JA: "日時", EN: "time"},
		{Name: "user", Type: Text, JA: "ユーザー", EN: "user"},
		{Name: "verb", Type: Text, JA: "動詞", EN: "verb"},
		{Name: "object", Type: Text, JA: "対象", EN: "object"},
	}},
	{Key: "kubernetes.rbac_by_others", Families: kubernetesFamily, Rule: k8sRBACOthers, Type: Int, Kind: Computed, JA: "他のユーザーによるRBACの変更", EN: "changes of RBAC by others", Says: "writes of roles and bindings by other users that succeeded"},
	{Key: "kubernetes.other_users_from_ip", Families: kubernetesFamily, Rule: k8sOtherUsers, Type: Int, Kind: Computed, JA: "同じIPアドレスの他のKubernetesユーザー", EN: "other Kubernetes users from the address", Says: "different users of the cluster with the same source address"},
	{Key: "kubernetes.users_from_ip", Families: kubernetesFamily, Rule: relatedTable("kubernetes.users_from_ip", "user_name"), Type: Table, Kind: Observed, JA: "同じIPアドレスのKubernetesユーザー", EN: "Kubernetes users from the address", Says: "by user", Columns: []Column{
		{Name: "user", Type: Text, JA: "ユーザー", EN: "user"},
		{Name: "count", Type: Int, JA: "件数", EN: "count"},
		{Name: "first", Type: Time, JA: "最初", EN: "first"},
		{Name: "last", Type: Time, JA: "最後", EN: "last"},
	}},
	{Key: "kubernetes.service_account_roles", Families: kubernetesFamily, Rule: k8sRoles, Type: Texts, Kind: Observed, JA: "サービスアカウントが引き受けたIAMロール", EN: "IAM roles that the service account assumed", Says: "role of each AssumeRoleWithWebIdentity by the service account that succeeded"},
}

// What a record of a request must tell.
var k8sReads = []string{"event_time", "audit_id", "stage", "verb", "user_name", "resource", "subresource", "namespace", "name", "status"}

const anonymousUser = "system:anonymous"

// A k8sCall is one request: the last stage that was recorded of it.
type k8sCall struct {
	at                                            time.Time
	verb, uri, user, resource, subresource        string
	namespace, name, decision, source, sent, mark string
	status                                        int64
	row                                           int
}

func (c k8sCall) ok() bool { return c.status >= 200 && c.status < 300 }

// done includes 101 Switching Protocols, the answer to a stream such as exec.
func (c k8sCall) done() bool { return c.ok() || c.status == 101 }

func (c k8sCall) object() string {
	s := c.resource
	if c.subresource != "" {
		s += "/" + c.subresource
	}
	if n := strings.Trim(c.namespace+"/"+c.name, "/"); n != "" {
		s = strings.TrimSpace(s + " " + n)
	}
	return firstText(s, c.uri)
}

// public tells whether a path is open to everyone by Kubernetes' own default (Kubernetes
// documentation, "Using RBAC Authorization": system:public-info-viewer).
func public(uri string) bool {
	path, _, _ := strings.Cut(uri, "?")
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return slices.Contains([]string{"healthz", "livez", "readyz", "version"}, first)
}

// fromWithin tells whether a user is one of the cluster's own identities, which act from within it:
// service accounts, nodes and components of Kubernetes (Kubernetes documentation, "Using RBAC
// Authorization" and "Using Node Authorization"). The users of Amazon EKS, whose names begin with
// eks:, act from networks of AWS (Amazon EKS User Guide, "Default Amazon EKS Kubernetes roles and users").
func fromWithin(user string) bool {
	return strings.HasPrefix(user, "system:") && user != anonymousUser
}

// outside tells whether an address is a public one.
func outside(s string) bool {
	ip, ok := query.Addr(s)
	return ok && publicAddress(ip)
}

var writeVerbs = []string{"create", "update", "patch", "delete", "deletecollection"}

func rbac(c k8sCall) bool {
	return slices.Contains([]string{"roles", "rolebindings", "clusterroles", "clusterrolebindings"}, c.resource) && slices.Contains(writeVerbs, c.verb)
}

// k8sCalls are the requests of an answer in time order, each once: the audit log writes a
// request at every stage, and only the later ones know the status.
func (v *view) k8sCalls(key Key) (t table, list []k8sCall, why result, ok bool) {
	type read struct {
		t    table
		list []k8sCall
		why  result
		ok   bool
	}
	got := memo(v, "k8s "+string(key), func() read {
		t, why, ok := v.ask(key, "")
		if !ok {
			return read{why: why}
		}
		at := map[string]int{}
		var list []k8sCall
		for i := range t.len() {
			c := k8sCall{
				at: t.time(i, "event_time"), verb: t.text(i, "verb"), uri: t.text(i, "request_uri"), user: t.text(i, "user_name"),
				resource: t.text(i, "resource"), subresource: t.text(i, "subresource"), namespace: t.text(i, "namespace"), name: t.text(i, "name"),
				decision: t.text(i, "decision"), source: t.text(i, "source_ip"), sent: t.text(i, "request_object"), mark: t.text(i, "audit_id"),
				status: t.int(i, "status"), row: i,
			}
			j, seen := at[c.mark]
			switch {
			case !seen || c.mark == "":
				at[c.mark] = len(list)
				list = append(list, c)
			case list[j].status == 0 || list[j].status == 101 && c.status != 0:
				list[j] = c
			}
		}
		slices.SortStableFunc(list, func(a, b k8sCall) int { return a.at.Compare(b.at) })
		return read{t: t, list: list, ok: true}
	})
	return got.t, got.list, got.why, got.ok
}

func k8sTold(text string) result {
	if text == "" {
		return notApplicable(findingRef)
	}
	return told(text)
}

func k8sPath(v *view, _ string) result {
	path, _, _ := strings.Cut(v.f.Kubernetes().URI, "?")
	return told(path)
}

func k8sStatus(v *view, _ string) result {
	code := v.f.Kubernetes().StatusCode
	if code <= 0 {
		return unknown("finding", findingRef)
	}
	digits, _ := json.Marshal(code)
	return told(string(digits))
}

func k8sUserKind(v *view, _ string) result {
	user := v.f.Kubernetes().User
	switch {
	case user == "":
		return unknown("finding", findingRef)
	case user == anonymousUser:
		return known(NameOf("anonymous"), findingRef)
	case strings.HasPrefix(user, "system:serviceaccount:"):
		return known(NameOf("service_account"), findingRef)
	case strings.HasPrefix(user, "system:node:"):
		return known(NameOf("node"), findingRef)
	case strings.HasPrefix(user, "system:"), strings.HasPrefix(user, "eks:"):
		return known(NameOf("system"), findingRef)
	}
	// The authenticator of Amazon EKS gives users that it maps from IAM ids of its own (Amazon EKS Best
	// Practices Guide, "Identity and Access Management").
	if strings.HasPrefix(v.f.Kubernetes().UID, "aws-iam-authenticator:") {
		return known(NameOf("iam_mapped"), findingRef)
	}
	t, why, ok := v.eventRows()
	switch {
	case !ok:
		return why
	case t.len() == 0:
		return t.empty()
	case t.text(0, "user_arn") != "":
		return known(NameOf("iam_mapped"), findingRef, t.row(0))
	}
	return known(NameOf("other"), findingRef, t.row(0))
}

func k8sServiceAccount(v *view, _ string) result {
	user := v.f.Kubernetes().User
	switch {
	case user == "":
		return unknown("finding", findingRef)
	case strings.HasPrefix(user, "system:serviceaccount:"):
		return told(user)
	}
	return notApplicable(findingRef)
}

func k8sARN(v *view, _ string) result { return ofRecordedRequest(v, "user_arn") }

func k8sCount(fits func(k8sCall) bool) func(*view, string) result {
	return func(v *view, _ string) result {
		t, list, why, ok := v.k8sCalls("kubernetes.requests")
		if !ok {
			return why
		}
		var n int64
		var refs []Ref
		for _, c := range list {
			if fits(c) {
				n++
				if len(refs) < 20 {
					refs = append(refs, t.row(c.row))
				}
			}
		}
		r := t.counted(n)
		if n > 0 && n < int64(len(list)) {
			r.from = append(r.from, refs...)
		}
		return r
	}
}

// workloads are the objects whose pods may be privileged.
var workloads = []string{"pods", "deployments", "daemonsets", "statefulsets", "replicasets", "replicationcontrollers", "jobs", "cronjobs"}

func k8sPrivileged(v *view, _ string) result {
	t, list, why, ok := v.k8sCalls("kubernetes.requests")
	if !ok {
		return why
	}
	var n int64
	var refs []Ref
	unseen := false
	for _, c := range list {
		if !c.ok() || c.subresource != "" || !slices.Contains(workloads, c.resource) || !slices.Contains([]string{"create", "update", "patch"}, c.verb) {
			continue
		}
		var sent any
		if c.sent == "" || json.Unmarshal([]byte(c.sent), &sent) != nil {
			unseen = true
			continue
		}
		if privileged(sent) {
			n++
			refs = append(refs, t.row(c.row))
		}
	}
	r := t.counted(n)
	r.from = append(r.from, refs...)
	if unseen && r.state == Known {
		r.gap, r.state = Gap{Key: "k8s_request"}, AtLeast
		if n == 0 {
			r.state, r.value = Unknown, Value{}
		}
	}
	return r
}

// privileged looks for the members of a pod's specification that break out of its container
// (Kubernetes documentation, "Pod Security Standards", policy Baseline).
func privileged(at any) bool {
	switch at := at.(type) {
	case []any:
		return slices.ContainsFunc(at, privileged)
	case map[string]any:
		for key, val := range at {
			switch key {
			case "privileged", "hostPID", "hostNetwork", "hostIPC":
				if val == true {
					return true
				}
			case "hostPath":
				if _, is := val.(map[string]any); is {
					return true
				}
			}
			if privileged(val) {
				return true
			}
		}
	}
	return false
}

func k8sTimeline(v *view, _ string) result {
	t, list, why, ok := v.k8sCalls("kubernetes.requests")
	if !ok {
		return why
	}
	val := Value{Type: Table}
	for _, c := range list {
		told := slices.Contains(writeVerbs, c.verb) || c.resource == "secrets" || c.subresource == "exec" || c.subresource == "attach" || c.status >= 400
		if !told {
			continue
		}
		if len(val.Rows) == timelineRows {
			val.More = true
			break
		}
		val.Rows = append(val.Rows, k8sRow(TimeOf(c.at), TextOf(c.verb), TextOf(c.object()), IntOf(c.status), TextOf(c.source)))
	}
	if len(val.Rows) == 0 {
		return t.empty()
	}
	return t.measured(val, true)
}

// k8sRow leaves cells without a text empty.
func k8sRow(cells ...Value) Row {
	for i, c := range cells {
		if c.Type == Text && c.Str == "" {
			cells[i] = Value{}
		}
	}
	return cells
}

func k8sRBACList(v *view, _ string) result {
	t, list, why, ok := v.k8sCalls("kubernetes.rbac_list")
	if !ok {
		return why
	}
	val := Value{Type: Table}
	for _, c := range list {
		if !c.ok() || !rbac(c) {
			continue
		}
		if len(val.Rows) == timelineRows {
			val.More = true
			break
		}
		val.Rows = append(val.Rows, k8sRow(TimeOf(c.at), TextOf(c.user), TextOf(c.verb), TextOf(c.object())))
	}
	if len(val.Rows) == 0 {
		return t.empty()
	}
	return t.measured(val, true)
}

func k8sRBACOthers(v *view, _ string) result {
	t, list, why, ok := v.k8sCalls("kubernetes.rbac_list")
	if !ok {
		return why
	}
	var n int64
	for _, c := range list {
		if c.ok() && rbac(c) && c.user != v.f.Kubernetes().User {
			n++
		}
	}
	return t.counted(n)
}

func k8sOtherUsers(v *view, _ string) result {
	t, why, ok := v.ask("kubernetes.other_users_from_ip", "")
	if !ok {
		return why
	}
	list, _ := t.distinct("user_name", 0)
	list = slices.DeleteFunc(list, func(s string) bool { return s == v.f.Kubernetes().User })
	return t.counted(int64(len(list)))
}

func k8sRoles(v *view, _ string) result {
	if sa := k8sServiceAccount(v, ""); sa.state == NotApplicable {
		return sa
	}
	t, why, ok := v.ask("kubernetes.service_account_roles", "")
	if !ok {
		return why
	}
	var list []string
	for i := range t.len() {
		if role := t.text(i, "role_arn"); role != "" && t.text(i, "error_code") == "" {
			list = append(list, role)
		}
	}
	if list = sortedCopy(list); len(list) == 0 {
		return t.empty()
	}
	more := len(list) > 20
	return t.measured(TextsOf(list[:min(len(list), 20)], more), true)
}
