package kinds

import (
	"fmt"
	"strings"
)

// A request is a call of the Kubernetes API.
type request struct {
	verb, resource, subresource, namespace, name string
	status                                       int
	user                                         string
	groups                                       []string
}

// uri is the path of the request.
func (r request) uri() string {
	group := "/api/v1"
	switch r.resource {
	case "clusterrolebindings", "clusterroles", "rolebindings", "roles":
		group = "/apis/rbac.authorization.k8s.io/v1"
	case "deployments", "daemonsets":
		group = "/apis/apps/v1"
	case "selfsubjectaccessreviews":
		group = "/apis/authorization.k8s.io/v1"
	}
	s := group
	if r.namespace != "" {
		s += "/namespaces/" + r.namespace
	}
	s += "/" + r.resource
	if r.name != "" && r.verb != "create" || r.subresource != "" {
		s += "/" + r.name
	}
	if r.subresource != "" {
		s += "/" + r.subresource
	}
	return s
}

const anonymous = "system:anonymous"

// request is the call by type.
func (c *cast) request() request {
	r := request{verb: "list", resource: "pods", namespace: c.namespace, status: 200, user: "platform-engineer:" + c.upn, groups: []string{"system:authenticated", "platform"}}
	set := func(verb, resource, subresource, namespace, name string, status int) {
		r.verb, r.resource, r.subresource, r.namespace, r.name, r.status = verb, resource, subresource, namespace, name, status
	}
	switch {
	case c.is("SecretsAccessed"):
		set("get", "secrets", "", c.namespace, "payment-gateway", 200)
	case c.is("PermissionChecked"):
		set("create", "selfsubjectaccessreviews", "", "", "", 201)
	case c.is("ExecInKubeSystemPod"):
		set("create", "pods", "exec", "kube-system", "kube-proxy-"+c.podID[:5], 101)
	case c.is("ExecInPod"):
		set("create", "pods", "exec", c.namespace, c.pod, 101)
	case c.is("WorkloadDeployed", "ContainerWithSensitiveMount", "PrivilegedContainer"):
		set("create", "deployments", "", c.namespace, c.workload, 201)
	case c.is("RoleBindingCreated", "AdminAccessToDefaultServiceAccount", "AnonymousAccessGranted"):
		set("create", "clusterrolebindings", "", "", "support-access", 201)
	case c.is("RoleCreated"):
		set("create", "clusterroles", "", "", "support-access", 201)
	case c.is("ExposedDashboard", "DashboardExposed"):
		set("create", "services", "", c.namespace, "dashboard", 201)
	case c.is("CredentialAccess"):
		set("get", "secrets", "", c.namespace, "payment-gateway", 200)
	case c.is("DefenseEvasion"):
		set("delete", "events", "", c.namespace, "", 200)
	case c.is("Impact"):
		set("delete", "deployments", "", c.namespace, c.workload, 200)
	case c.is("Persistence"):
		set("create", "deployments", "", c.namespace, c.workload, 201)
	}
	if c.is("SuccessfulAnonymousAccess") {
		r.user, r.groups = anonymous, []string{"system:unauthenticated"}
	}
	return r
}

// workloadDetails is what runs, or is to run.
func (c *cast) workloadDetails() object {
	container := object{
		"name": c.workload, "image": c.containerImage, "imagePrefix": c.containerImage[:strings.LastIndex(c.containerImage, "/")],
		"securityContext": object{"privileged": c.is("PrivilegedContainer"), "allowPrivilegeEscalation": c.is("PrivilegedContainer")},
	}
	details := object{
		"name": c.workload, "type": "deployments", "uid": c.podID, "namespace": c.namespace, "hostNetwork": false, "hostIPC": false, "hostPID": c.is("PrivilegedContainer"),
		"serviceAccountName": c.workload,
	}
	if c.is("ExecInKubeSystemPod") {
		details["name"], details["type"], details["namespace"], details["serviceAccountName"] = "kube-proxy", "daemonsets", "kube-system", "kube-proxy"
	}
	if c.is("SensitiveMount", "MountsHostDirectory") {
		container["volumeMounts"] = list{object{"name": "host", "mountPath": "/host"}}
		details["volumes"] = list{object{"name": "host", "hostPath": object{"path": "/"}}}
	}
	details["containers"] = list{container}
	return details
}

func (c *cast) clusterDetails() object {
	return object{"name": c.cluster, "arn": c.arn("eks", "cluster/"+c.cluster), "vpcId": c.vpc, "status": "ACTIVE", "tags": tags("Environment", "production"), "createdAt": epoch(c.at.AddDate(-1, -2, 0))}
}

// eks is a finding that the Kubernetes audit log was read for.
func (c *cast) eks(resource, service object) {
	r := c.request()
	resource["resourceType"], resource["eksClusterDetails"] = "EKSCluster", c.clusterDetails()
	c.named = c.cluster
	user := object{"username": r.user, "uid": "", "groups": texts(r.groups)}
	if r.user != anonymous {
		user["uid"] = "aws-iam-authenticator:" + c.account + ":" + c.roleID
		user["sessionName"] = list{c.upn}
	}
	details := object{"kubernetesUserDetails": user}
	if r.resource == "deployments" || c.is("Exec") {
		details["kubernetesWorkloadDetails"] = c.workloadDetails()
	}
	resource["kubernetesDetails"] = details
	call := object{
		"requestUri": r.uri(), "verb": r.verb, "resource": r.resource, "sourceIPs": list{c.remote.ip}, "userAgent": c.kubectl(), "statusCode": r.status,
		"remoteIpDetails": c.remote.details(), "parameters": "",
	}
	for name, value := range map[string]string{"subresource": r.subresource, "namespace": r.namespace, "resourceName": r.name} {
		if value != "" {
			call[name] = value
		}
	}
	action := object{"actionType": "KUBERNETES_API_CALL", "kubernetesApiCallAction": call}
	switch {
	case c.is("PermissionChecked"):
		action["kubernetesPermissionCheckedDetails"] = object{"verb": "create", "resource": "pods", "namespace": c.namespace, "allowed": true}
	case r.resource == "clusterrolebindings":
		action["kubernetesRoleBindingDetails"] = object{"kind": "ClusterRoleBinding", "name": r.name, "uid": c.podID, "roleRefName": "cluster-admin", "roleRefKind": "ClusterRole"}
	case r.resource == "clusterroles":
		action["kubernetesRoleDetails"] = object{"kind": "ClusterRole", "name": r.name, "uid": c.podID}
	}
	service["action"] = action
	if c.is("AnomalousBehavior") {
		unusual := object{"unusualASNsUserIdentityProfiling": "", "unusualUserNamesAccountProfiling": "", "unusualUserAgentsUserIdentityProfiling": ""}
		if c.hostile {
			unusual["unusualASNsUserIdentityProfiling"] = fmt.Sprintf("asnNumber: %s asnOrg: %s", c.remote.asn, c.remote.org)
		}
		service["additionalInfo"].(object)["unusualBehavior"] = unusual
	}
	c.intelligence(service)
}

// kubectl is the caller's program.
func (c *cast) kubectl() string {
	return c.choose("python-requests/2.31.0", kubectl)
}

// kubectl is the program that engineers use.
const kubectl = "kubectl/v1.30.2 (darwin/arm64) kubernetes/3968350"

func texts(in []string) list {
	out := make(list, len(in))
	for i, s := range in {
		out[i] = s
	}
	return out
}
