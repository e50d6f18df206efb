package fact

import (
	"strings"
	"testing"

	"uratori/evidence"
)

const clusterDoc = `{"schemaVersion":"2.0","accountId":"111122223333","region":"us-east-1","partition":"aws","id":"00000000000000000000000000000003",
	"arn":"arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/00000000000000000000000000000003","type":"Execution:Kubernetes/ExecInKubeSystemPod","severity":5,"title":"t","description":"d",
	"createdAt":"2025-09-09T05:00:00Z","updatedAt":"2025-09-09T05:00:00Z",
	"resource":{"resourceType":"EKSCluster","eksClusterDetails":{"name":"prod-1"},"kubernetesDetails":{"kubernetesUserDetails":{"username":"USER","groups":["system:authenticated"]}}},
	"service":{"count":1,"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:00:00Z","action":{"actionType":"KUBERNETES_API_CALL","kubernetesApiCallAction":{"requestUri":"/api/v1/namespaces/kube-system/pods/p/exec?command=sh","verb":"create","namespace":"kube-system","statusCode":101,"remoteIpDetails":{"ipAddressV4":"203.0.113.7"}}}}}`

var requestColumns = []string{"event_time", "audit_id", "stage", "verb", "request_uri", "user_name", "user_arn", "access_key", "source_ip", "resource", "subresource", "namespace", "name", "status", "decision", "request_object"}

func request(at, id, verb, uri, user, object, sub, name string, status int, sent string) evidence.Row {
	return cells("2025-09-09T"+at+"Z", id, "ResponseComplete", verb, uri, user, "", "", "203.0.113.7", object, sub, "kube-system", name, status, "allow", sent)
}

// What a service account did in a cluster: each request counts once, and only if it succeeded.
func TestWhatAServiceAccountDid(t *testing.T) {
	const sa = "system:serviceaccount:default:builder"
	doc := strings.Replace(clusterDoc, "USER", sa, 1)
	rows := []evidence.Row{
		request("04:00:00", "1", "create", "/exec", sa, "pods", "exec", "p", 101, ""),
		request("04:00:00", "1", "create", "/exec", sa, "pods", "exec", "p", 101, ""), // the same request at another stage
		request("04:01:00", "2", "list", "/secrets", sa, "secrets", "", "", 200, ""),
		request("04:02:00", "3", "get", "/secrets/x", sa, "secrets", "", "x", 403, ""),
		request("04:03:00", "4", "create", "/bindings", sa, "clusterrolebindings", "", "b", 201, ""),
		request("04:04:00", "5", "create", "/token", sa, "serviceaccounts", "token", "builder", 201, ""),
		request("04:05:00", "6", "create", "/pods", sa, "pods", "", "q", 201, `{"spec":{"containers":[{"securityContext":{"privileged":true}}]}}`),
		request("04:06:00", "7", "create", "/pods", sa, "pods", "", "r", 201, `{"spec":{"hostNetwork":false,"containers":[{"securityContext":{"privileged":false}}]}}`),
	}
	user := answer("eks_audit", "", evidence.Collected, []string{"kubernetes.requests"}, requestColumns, rows...)
	binds := answer("eks_audit", "", evidence.Collected, []string{"kubernetes.rbac_list", "kubernetes.rbac_by_others"}, requestColumns, rows[4],
		request("03:00:00", "8", "patch", "/roles", "admin", "roles", "", "r", 200, ""), request("03:01:00", "9", "patch", "/roles", "admin", "roles", "", "r", 403, ""))
	role := answer("cloudtrail_management", "", evidence.Collected, []string{"kubernetes.service_account_roles"}, []string{"role_arn", "error_code"},
		cells("arn:aws:iam::111122223333:role/builder", ""), cells("arn:aws:iam::111122223333:role/admin", "AccessDenied"))
	from := answer("eks_audit", "", evidence.Collected, []string{"kubernetes.other_users_from_ip", "kubernetes.users_from_ip"}, []string{"user_name", "n", "first", "last"},
		cells(sa, 8, "2025-09-09T04:00:00Z", "2025-09-09T04:06:00Z"), cells("dev", 1, "2025-09-09T04:00:00Z", "2025-09-09T04:00:00Z"))
	hold(t, familyCase(t, doc, nil, user, binds, role, from), map[Key]string{
		"kubernetes.cluster": "prod-1", "kubernetes.user_kind": "service_account", "kubernetes.service_account": sa, "kubernetes.verb": "create", "kubernetes.status": "101",
		"kubernetes.path": "/api/v1/namespaces/kube-system/pods/p/exec", "kubernetes.groups": "system:authenticated",
		"kubernetes.requests": "7", "kubernetes.denied": "1", "kubernetes.execs": "1", "kubernetes.secrets_read": "1", "kubernetes.rbac_changes": "1", "kubernetes.tokens_made": "1", "kubernetes.from_outside": "5",
		"kubernetes.privileged_pods": "1", "kubernetes.anonymous_successes": "does not arise", "kubernetes.rbac_by_others": "1", "kubernetes.other_users_from_ip": "1",
		"kubernetes.service_account_roles": "arn:aws:iam::111122223333:role/builder",
	})
}

func TestAnonymousRequestsAndSilence(t *testing.T) {
	doc := strings.Replace(clusterDoc, "USER", anonymousUser, 1)
	rows := []evidence.Row{
		request("04:00:00", "1", "get", "/version?timeout=32s", anonymousUser, "", "", "", 200, ""),
		request("04:01:00", "2", "list", "/api/v1/pods", anonymousUser, "pods", "", "", 200, ""),
		request("04:02:00", "3", "create", "/api/v1/pods", anonymousUser, "pods", "", "", 201, ""),
	}
	hold(t, familyCase(t, doc, nil, answer("eks_audit", "", evidence.Collected, []string{"kubernetes.requests"}, requestColumns, rows...)), map[Key]string{
		"kubernetes.user_kind": "anonymous", "kubernetes.service_account": "does not arise", "kubernetes.anonymous_successes": "2",
		"kubernetes.privileged_pods": "unknown: k8s_request ", // what the pod asked for was not recorded
	})
	hold(t, familyCase(t, doc, nil, answer("eks_audit", "", evidence.NotCollectedState, []string{"kubernetes.requests"}, requestColumns)), map[Key]string{
		"kubernetes.requests": "unknown: eks_audit NotCollected", "kubernetes.execs": "unknown: eks_audit NotCollected", "kubernetes.secrets_read": "unknown: eks_audit NotCollected",
	})
}

// The record leads from the Kubernetes user to the IAM principal, and a refused request did not succeed.
func TestUsersMappedFromIAM(t *testing.T) {
	doc := strings.Replace(clusterDoc, "USER", "dev", 1)
	row := request("04:00:00", "1", "create", "/exec", "dev", "pods", "exec", "p", 403, "")
	row[6], row[7] = cells("arn:aws:sts::111122223333:assumed-role/dev/sato")[0], cells("ASIAEXAMPLE00000001")[0]
	hold(t, familyCase(t, doc, nil, answer("eks_audit", "", evidence.Collected, []string{"event.recorded"}, requestColumns, row)), map[Key]string{
		"kubernetes.user_kind": "iam_mapped", "kubernetes.iam_arn": "arn:aws:sts::111122223333:assumed-role/dev/sato", "actor.key_kind": "temporary",
		"event.recorded": "true", "event.succeeded": "false", "event.error_code": "HTTP 403",
	})
}
