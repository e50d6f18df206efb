package fact

import (
	"fmt"
	"strings"
	"testing"

	"uratori/evidence"
	"uratori/query"
)

// earlierRequests are groups of a user's past in the cluster: the key's cells, how many, and when first.
func earlierRequests(fact string, columns []string, rows ...evidence.Row) evidence.Item {
	it := answer("eks_audit", "", evidence.Collected, []string{fact}, append(columns, "n", "first", "last"), rows...)
	it.Ask.Dataset = query.EKSAudit
	return it
}

// A user's past in a cluster is what began before the session: addresses by /64, tools by family,
// requests by verb and kind, and the object; with fewer than ten requests nothing is new.
func TestTheUsersPastInTheCluster(t *testing.T) {
	doc := strings.Replace(clusterDoc, "USER", "dev", 1)
	const old, own = "2025-08-20T04:00:00Z", "2025-09-09T03:50:00Z"
	event := request("04:00:00", "1", "create", "/exec", "dev", "pods", "exec", "p", 101, "")
	past := func(n int) []evidence.Item {
		return []evidence.Item{
			answer("eks_audit", "", evidence.Collected, []string{"event.recorded"}, append(requestColumns, "user_agent"), append(event, cells("kubectl/v1.30.2 (linux/amd64)")...)),
			earlierRequests("baseline.seen_ip", []string{"source_ip"}, cells("198.51.100.7", n, old, old), cells("203.0.113.7", 3, own, own)),
			earlierRequests("baseline.seen_user_agent", []string{"user_agent"}, cells("kubectl/v1.29.0 (darwin/arm64)", n, old, own)),
			earlierRequests("baseline.seen_api", []string{"verb", "resource", "subresource"}, cells("list", "pods", "", n, old, old), cells("create", "pods", "exec", 1, own, own)),
			earlierRequests("baseline.seen_resource", []string{"resource", "subresource", "namespace", "name"}, cells("pods", "exec", "kube-system", "p", n, old, own)),
			earlierRequests("baseline.seen_hour", []string{"quarter"}, cells(old, n, old, old), cells(own, 3, own, own)),
		}
	}
	hold(t, familyCase(t, doc, nil, past(12)...), map[Key]string{
		"event.api": "create pods/exec", "event.service": "does not arise", "event.named_resource": "pods/exec kube-system/p",
		"baseline.new_ip": "true", "baseline.new_user_agent": "false", "baseline.new_api": "true", "baseline.new_resource": "false",
		"baseline.seen_resource": "12", "baseline.new_region": "does not arise",
	})
	hold(t, familyCase(t, doc, nil, past(9)...), map[Key]string{
		"baseline.new_ip": "unknown: baseline ", "baseline.new_api": "unknown: baseline ", "baseline.new_user_agent": "false",
	})
}

// What an ordinary call names is looked for in the parameters of earlier calls: whole names and ARNs, never a part of one.
func TestWhetherTheResourceWasTouchedBefore(t *testing.T) {
	doc := `{"schemaVersion":"2.0","accountId":"111122223333","region":"us-east-1","partition":"aws","id":"00000000000000000000000000000004",
	"arn":"arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/00000000000000000000000000000004","type":"Impact:IAMUser/AnomalousBehavior","severity":5,"title":"t","description":"d",
	"createdAt":"2025-09-09T05:00:00Z","updatedAt":"2025-09-09T05:00:00Z","resource":{"resourceType":"AccessKey","accessKeyDetails":{"accessKeyId":"AKIAEXAMPLE000000009","principalId":"P","userType":"IAMUser","userName":"batch"}},
	"service":{"count":1,"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:00:00Z","action":{"actionType":"AWS_API_CALL","awsApiCallAction":{"api":"UpdateFunctionCode20150331v2","serviceName":"lambda.amazonaws.com",
	"affectedResources":{"AWS::Lambda::Function":"arn:aws:lambda:us-east-1:111122223333:function:orders:7"},"remoteIpDetails":{"ipAddressV4":"203.0.113.7"}}}}}`
	calls := answer("cloudtrail_management", "", evidence.Collected, []string{"baseline.seen_api"}, []string{"api", "n", "first", "last"}, cells("UpdateFunctionCode", 12, "2025-08-20T04:00:00Z", "2025-08-20T04:00:00Z"))
	seen := func(parameters ...string) evidence.Item {
		var rows []evidence.Row
		for i, p := range parameters {
			rows = append(rows, cells(fmt.Sprintf("2025-08-2%dT04:00:00Z", i), p))
		}
		return answer("cloudtrail_management", "", evidence.Collected, []string{"baseline.seen_resource"}, []string{"event_time", "raw:requestParameters"}, rows...)
	}
	for name, tt := range map[string]struct {
		parameters []string
		isNew      string
		n          string
	}{
		"never":                   {nil, "true", "0"},
		"by its name":             {[]string{`{"functionName":"orders"}`, `{"functionName":"orders"}`}, "false", "2"},
		"by its ARN":              {[]string{`{"functionName":"arn:aws:lambda:us-east-1:111122223333:function:orders"}`}, "false", "1"},
		"a part of a name is not": {[]string{`{"functionName":"orders-export"}`, `{"description":"for orders"}`}, "true", "0"},
		"no JSON is none":         {[]string{`orders`}, "true", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			hold(t, familyCase(t, doc, nil, calls, seen(tt.parameters...)), map[Key]string{"event.named_resource": "orders", "baseline.new_resource": tt.isNew, "baseline.seen_resource": tt.n})
		})
	}
	hold(t, familyCase(t, strings.Replace(doc, `"AWS::Lambda::Function":"arn:aws:lambda:us-east-1:111122223333:function:orders:7"`, "", 1), nil, calls), map[Key]string{"event.named_resource": "does not arise", "baseline.new_resource": "does not arise"})
}

func TestNamesWithinARNs(t *testing.T) {
	for arn, want := range map[string]string{
		"orders": "orders",
		"arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0":             "i-0123456789abcdef0",
		"arn:aws:rds:us-east-1:111122223333:db:orders":                                "orders",
		"arn:aws:lambda:us-east-1:111122223333:function:orders:7":                     "orders",
		"arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/orders-a1b2c3":     "prod/orders",
		"arn:aws:kms:us-east-1:111122223333:key/00000000-0000-4000-a000-000000000001": "00000000-0000-4000-a000-000000000001",
		"arn:aws:sns": "arn:aws:sns",
	} {
		if got := resourceName(arn); got != want {
			t.Errorf("%s is %s, want %s", arn, got, want)
		}
	}
}

// What was granted is read from what was sent, and stands until somebody deletes it.
func TestWhatWasGrantedAndWhetherItStands(t *testing.T) {
	doc := strings.Replace(clusterDoc, "USER", "dev", 1)
	bind := request("04:03:00", "4", "create", "/b", "dev", "clusterrolebindings", "", "b", 201, `{"roleRef":{"kind":"ClusterRole","name":"cluster-admin"},"subjects":[{"kind":"ServiceAccount","name":"default","namespace":"default"},{"kind":"User","name":"system:anonymous"}]}`)
	bind[11] = query.Value{}
	remove := request("04:09:00", "5", "delete", "/b", "admin", "clusterrolebindings", "", "b", 200, "")
	remove[11] = query.Value{}
	user := answer("eks_audit", "", evidence.Collected, []string{"kubernetes.requests"}, requestColumns, bind)
	list := func(state evidence.State, rows ...evidence.Row) evidence.Item {
		return answer("eks_audit", "", state, []string{"kubernetes.rbac_list"}, requestColumns, rows...)
	}
	for name, tt := range map[string]struct {
		rbac     evidence.Item
		standing string
	}{
		"nobody deleted it":             {list(evidence.Collected, bind), "1"},
		"somebody did":                  {list(evidence.Collected, bind, remove), "0"},
		"a deletion may not be on view": {list(evidence.Unknown, bind), "unknown: eks_audit Empty"},
	} {
		t.Run(name, func(t *testing.T) {
			hold(t, familyCase(t, doc, nil, user, tt.rbac), map[Key]string{
				"kubernetes.rbac_standing": tt.standing, "kubernetes.rbac_objects": "clusterrolebindings b", "kubernetes.writes": "1",
				"kubernetes.rbac_grants": "ClusterRole cluster-admin -> ServiceAccount default/default, ClusterRole cluster-admin -> User system:anonymous",
			})
		})
	}
	bare := request("04:03:00", "4", "create", "/b", "dev", "clusterrolebindings", "", "b", 201, "")
	hold(t, familyCase(t, doc, nil, answer("eks_audit", "", evidence.Collected, []string{"kubernetes.requests"}, requestColumns, bare)), map[Key]string{"kubernetes.rbac_grants": "unknown: k8s_request "})
}

// Nobody stands behind an anonymous user, so that no chain, sign-in or credential is missing; a
// request of somebody else without authentication is told apart from the finding's own.
func TestUsersWithNobodyBehind(t *testing.T) {
	for user, kind := range map[string]string{anonymousUser: "anonymous", "system:serviceaccount:default:builder": "service_account", "system:node:ip-10-0-0-1": "cluster_component"} {
		hold(t, familyCase(t, strings.Replace(clusterDoc, "USER", user, 1), nil), map[Key]string{
			"actor.kind": kind, "actor.name": user, "actor.access_key": "does not arise", "chain.complete": "does not arise", "person.known": "does not arise", "signin.total": "does not arise", "interview.owner": "true",
		})
	}
	doc := strings.Replace(clusterDoc, "USER", "dev", 1)
	open := request("04:01:00", "2", "list", "/api/v1/secrets", anonymousUser, "secrets", "", "", 200, "")
	probe := request("04:02:00", "3", "get", "/healthz", anonymousUser, "", "", "", 200, "")
	hold(t, familyCase(t, doc, nil, answer("eks_audit", "", evidence.Collected, []string{"kubernetes.anonymous_use", "kubernetes.anonymous_from"}, requestColumns, open, probe)), map[Key]string{
		"kubernetes.anonymous_use": "1", "kubernetes.anonymous_from": "203.0.113.7", "kubernetes.anonymous_successes": "does not arise", "interview.owner": "does not arise",
	})
}

// The record and CloudTrail together tell of whoever was mapped: the role by the ARN alone, its session by the calls.
func TestTheRoleOfAServiceAccountElsewhere(t *testing.T) {
	doc := strings.Replace(clusterDoc, "USER", "system:serviceaccount:default:builder", 1)
	roles := answer("cloudtrail_management", "", evidence.Collected, []string{"kubernetes.service_account_roles"}, []string{"role_arn", "error_code", "new_access_key"}, cells("arn:aws:iam::111122223333:role/builder", "", "ASIAEXAMPLE00000002"))
	use := answer("cloudtrail_management", "", evidence.Collected, []string{"kubernetes.role_calls", "kubernetes.role_addresses", "kubernetes.role_apis"}, []string{"api", "source_ip", "error_code", "n", "first", "last"},
		cells("ListBuckets", "198.51.100.9", "", 4, "2025-09-09T04:00:00Z", "2025-09-09T04:06:00Z"), cells("GetSecretValue", "198.51.100.9", "AccessDenied", 2, "2025-09-09T04:00:00Z", "2025-09-09T04:06:00Z"))
	facts := familyCase(t, doc, nil, roles, use)
	hold(t, facts, map[Key]string{"kubernetes.role_calls": "6", "kubernetes.role_addresses": "198.51.100.9", "kubernetes.role_apis": "GetSecretValue, ListBuckets"})
	if keys, _ := Parameters(facts)[roleKeys].Set(); len(keys) != 1 || keys[0].Text() != "ASIAEXAMPLE00000002" {
		t.Errorf("the keys that the assumptions issued are %v", keys)
	}
	for _, f := range facts.All() {
		if strings.Contains(fmt.Sprint(f.Value), "ASIAEXAMPLE00000002") {
			t.Errorf("%s shows the key", f.Key)
		}
	}
	hold(t, familyCase(t, strings.Replace(clusterDoc, "USER", "dev", 1), nil), map[Key]string{"kubernetes.role_calls": "does not arise", "kubernetes.service_account_roles": "does not arise"})
}

func TestWhatAPathNames(t *testing.T) {
	for uri, want := range map[string][4]string{
		"/api/v1/namespaces/kube-system/pods/p/exec?command=sh": {"pods", "exec", "kube-system", "p"},
		"/apis/apps/v1/namespaces/shop/deployments":             {"deployments", "", "shop", ""},
		"/apis/rbac.authorization.k8s.io/v1/clusterroles/admin": {"clusterroles", "", "", "admin"},
		"/api/v1/namespaces/shop":                               {"namespaces", "", "", "shop"},
		"/version":                                              {"", "", "", ""},
		"":                                                      {"", "", "", ""},
	} {
		var got [4]string
		got[0], got[1], got[2], got[3] = ofPath(uri)
		if got != want {
			t.Errorf("%s names %v, want %v", uri, got, want)
		}
	}
}
