package finding

// Kubernetes is what a finding of EKS audit logs says of the caller and the cluster, by the
// members of the GuardDuty API Reference ("KubernetesUserDetails", "EksClusterDetails",
// "KubernetesApiCallAction"). Absent members are zero values.
type Kubernetes struct {
	Cluster    string   // name of the cluster
	User       string   // such as system:anonymous or system:serviceaccount:default:builder
	UID        string   // such as aws-iam-authenticator:111122223333:AROAEXAMPLE of a user mapped from IAM
	Session    string   // role session that the user was mapped from
	Groups     []string // groups of the user
	Verb       string   // such as get, create
	URI        string   // path of the request, perhaps with a query
	Resource   string   // kind of object, such as secrets
	Sub        string   // part of the object, such as exec; "" for the whole
	Name       string   // name of the object
	Namespace  string   // namespace of the object
	StatusCode int      // HTTP status of the response; 0 when not told
}

// Kubernetes reads the members about Kubernetes from the canonical document.
func (f Finding) Kubernetes() Kubernetes {
	top := node{f.doc}
	resource, call := top.at("resource"), top.at("service", "action", "kubernetesApiCallAction")
	user := resource.at("kubernetesDetails", "kubernetesUserDetails")
	return Kubernetes{
		Cluster:    resource.at("eksClusterDetails", "name").text(),
		User:       user.at("username").text(),
		UID:        user.at("uid").text(),
		Session:    firstOf(user.at("sessionName").texts()),
		Groups:     user.at("groups").texts(),
		Verb:       call.at("verb").text(),
		URI:        call.at("requestUri").text(),
		Resource:   call.at("resource").text(),
		Sub:        call.at("subresource").text(),
		Name:       call.at("resourceName").text(),
		Namespace:  call.at("namespace").text(),
		StatusCode: call.at("statusCode").whole(),
	}
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
