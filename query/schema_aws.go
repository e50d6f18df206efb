package query

// common are the fields that stand at the end of every schema.
func common() []FieldSpec {
	return []FieldSpec{
		{Raw, Text, "the raw record", nil, "the record itself"},
		{RawSHA256, Text, "sha256 of the raw record", nil, "of the record itself"},
	}
}

// vpcFlow follows "Flow log records" of the Amazon VPC User Guide, versions 2 to 5, with the names
// of the text form ("pkt-srcaddr") and of the Parquet form ("pkt_srcaddr"). A record tells of an
// aggregation interval, not of one moment: its time is the interval's start.
var vpcFlow = Schema{
	Dataset: VPCFlow, TimeField: EventTime, IDField: EventID,
	Fields: append([]FieldSpec{
		{EventTime, Time, "start of the aggregation interval", []Path{"start"}, ""},
		{EventID, Text, "sha256 of the record, which has no id of its own", nil, "of the record itself"},
		{"end_time", Time, "end of the aggregation interval", []Path{"end"}, ""},
		{"account", Text, "account of the network interface", []Path{"account-id", "account_id"}, ""},
		{"region", Text, "Region; in version 4 and later only", []Path{"region"}, ""},
		{"vpc", Text, "VPC; in version 3 and later only", []Path{"vpc-id", "vpc_id"}, ""},
		{"subnet", Text, "subnet; in version 3 and later only", []Path{"subnet-id", "subnet_id"}, ""},
		{"interface", Text, "network interface", []Path{"interface-id", "interface_id"}, ""},
		{"instance", Text, "instance; in version 3 and later only", []Path{"instance-id", "instance_id"}, ""},
		{"source_ip", IP, "address that sent, as the interface saw it", []Path{"srcaddr"}, ""},
		{"dest_ip", IP, "address that received, as the interface saw it", []Path{"dstaddr"}, ""},
		{"source_port", Int, "port that sent", []Path{"srcport"}, ""},
		{"dest_port", Int, "port that received", []Path{"dstport"}, ""},
		{"packet_source_ip", IP, "address that sent at packet level, behind a NAT gateway or load balancer", []Path{"pkt-srcaddr", "pkt_srcaddr"}, ""},
		{"packet_dest_ip", IP, "address that received at packet level", []Path{"pkt-dstaddr", "pkt_dstaddr"}, ""},
		{"protocol", Int, "IANA protocol number: 6 TCP, 17 UDP, 1 ICMP", []Path{"protocol"}, ""},
		{"packets", Int, "packets in the interval", []Path{"packets"}, ""},
		{"bytes", Int, "bytes in the interval", []Path{"bytes"}, ""},
		{"action", Text, "ACCEPT or REJECT", []Path{"action"}, ""},
		{"log_status", Text, "OK, NODATA or SKIPDATA", []Path{"log-status", "log_status"}, ""},
		{"tcp_flags", Int, "bit mask of FIN 1, SYN 2, RST 4, SYN-ACK 18; version 3 and later", []Path{"tcp-flags", "tcp_flags"}, ""},
		{"direction", Text, "ingress or egress; version 5", []Path{"flow-direction", "flow_direction"}, ""},
		{"traffic_path", Int, "way of egress traffic, such as 8 for an internet gateway; version 5", []Path{"traffic-path", "traffic_path"}, ""},
		{"source_service", Text, "AWS service of the sending address, such as S3; version 5", []Path{"pkt-src-aws-service", "pkt_src_aws_service"}, ""},
		{"dest_service", Text, "AWS service of the receiving address; version 5", []Path{"pkt-dst-aws-service", "pkt_dst_aws_service"}, ""},
	}, common()...),
}

// dns follows "Values that appear in VPC Resolver query logs" of the Amazon Route 53 Developer Guide.
var dns = Schema{
	Dataset: DNS, TimeField: EventTime, IDField: EventID,
	Fields: append([]FieldSpec{
		{EventTime, Time, "when the query was made", []Path{"query_timestamp"}, ""},
		{EventID, Text, "sha256 of the record, which has no id of its own", nil, "of the record itself"},
		{"account", Text, "account of the VPC", []Path{"account_id"}, ""},
		{"region", Text, "Region of the VPC", []Path{"region"}, ""},
		{"vpc", Text, "VPC the query came from", []Path{"vpc_id"}, ""},
		{"query_name", Text, "name asked for, in lower case without the dot at its end", []Path{"query_name"}, "folded to lower case, final dot cut off"},
		{"query_type", Text, "record type, such as A, AAAA, TXT", []Path{"query_type"}, ""},
		{"response_code", Text, "NOERROR, NXDOMAIN, SERVFAIL, ...", []Path{"rcode"}, ""},
		{"answers", JSON, "the answers, each with Rdata, Type and Class", []Path{"answers"}, ""},
		{"source_ip", IP, "address that asked", []Path{"srcaddr"}, ""},
		{"source_port", Int, "its port", []Path{"srcport"}, ""},
		{"transport", Text, "UDP, TCP, DOH or DOH-FIPS", []Path{"transport"}, ""},
		{"instance", Text, "instance that asked", []Path{"srcids.instance"}, ""},
		{"firewall_action", Text, "what DNS Firewall did: ALERT or BLOCK; missing when no rule matched", []Path{"firewall_rule_action"}, ""},
		{"firewall_list", Text, "domain list that matched", []Path{"firewall_domain_list_id"}, ""},
	}, common()...),
}

// s3Access follows "Amazon S3 server access log format" of the Amazon S3 User Guide. A line is kept
// as an object with the names of that page, in snake case.
var s3Access = Schema{
	Dataset: S3Access, TimeField: EventTime, IDField: EventID,
	Fields: append([]FieldSpec{
		{EventTime, Time, "when the request was received", []Path{"time"}, ""},
		{EventID, Text, "id of the request, with the operation: a batch delete logs one line a key", []Path{"event_id"}, ""},
		{"request_id", Text, "id of the request", []Path{"request_id"}, ""},
		{"bucket_owner", Text, "canonical user id of the bucket's owner", []Path{"bucket_owner"}, ""},
		{"account", Text, "account of the bucket; not in the log, told by where it was delivered", []Path{"account"}, "from the object's place where it names one"},
		{"region", Text, "Region of the bucket; not in the log", []Path{"region"}, "from the object's place where it names one"},
		{"bucket", Text, "bucket", []Path{"bucket"}, ""},
		{"source_ip", IP, "apparent address of the requester", []Path{"remote_ip"}, ""},
		{"requester", Text, "canonical user id, or ARN of an IAM user or assumed role; missing for anonymous requests", []Path{"requester"}, ""},
		{"operation", Text, "such as REST.GET.OBJECT", []Path{"operation"}, ""},
		{"object_key", Text, "object, decoded", []Path{"key"}, "URL-decoded"},
		{"status", Int, "HTTP status", []Path{"http_status"}, ""},
		{"error_code", Text, "S3 error code; missing when there was none", []Path{"error_code"}, ""},
		{"bytes_out", Int, "bytes sent, without protocol overhead", []Path{"bytes_sent"}, ""},
		{"object_size", Int, "size of the object", []Path{"object_size"}, ""},
		{"user_agent", Text, "the requester's program", []Path{"user_agent"}, ""},
		{"auth_type", Text, "AuthHeader, QueryString, or missing for anonymous requests", []Path{"authentication_type"}, ""},
		{"version_id", Text, "version of the object", []Path{"version_id"}, ""},
	}, common()...),
}

// eksAudit follows the Kubernetes audit.k8s.io/v1 Event, as Amazon EKS sends it to CloudWatch Logs.
var eksAudit = Schema{
	Dataset: EKSAudit, TimeField: EventTime, IDField: EventID,
	Fields: append([]FieldSpec{
		{EventTime, Time, "when the request was received", []Path{"requestReceivedTimestamp", "stageTimestamp"}, ""},
		{EventID, Text, "auditID and stage: a request is logged once a stage", []Path{"auditID"}, "auditID, a slash and the stage"},
		{"audit_id", Text, "id of the request", []Path{"auditID"}, ""},
		{"account", Text, "account of the cluster", []Path{"account"}, "from the export's envelope"},
		{"region", Text, "Region of the cluster", []Path{"region"}, "from the export's envelope"},
		{"cluster", Text, "cluster", []Path{"cluster"}, "from the log group's name"},
		{"stage", Text, "RequestReceived, ResponseStarted, ResponseComplete or Panic", []Path{"stage"}, ""},
		{"verb", Text, "such as get, list, create, delete", []Path{"verb"}, ""},
		{"request_uri", Text, "path of the request", []Path{"requestURI"}, ""},
		{"user_name", Text, "user, such as system:anonymous or system:serviceaccount:default:builder", []Path{"user.username"}, ""},
		{"user_groups", JSON, "groups of the user", []Path{"user.groups"}, ""},
		{"user_arn", Text, "IAM principal that the user was mapped from", []Path{"user.extra.arn", "user.extra.canonicalArn"}, "first of the list"},
		{"session_name", Text, "role session that the user was mapped from", []Path{"user.extra.sessionName"}, "first of the list"},
		{"access_key", Text, "credential that the user was mapped from", []Path{"user.extra.accessKeyId"}, "first of the list"},
		{"impersonated_user", Text, "user that was acted as", []Path{"impersonatedUser.username"}, ""},
		{"source_ip", IP, "first address of the request", []Path{"sourceIPs"}, "first of the list"},
		{"user_agent", Text, "the caller's program", []Path{"userAgent"}, ""},
		{"resource", Text, "kind of object, such as pods, secrets, clusterrolebindings", []Path{"objectRef.resource"}, ""},
		{"subresource", Text, "such as exec, log", []Path{"objectRef.subresource"}, ""},
		{"namespace", Text, "namespace of the object", []Path{"objectRef.namespace"}, ""},
		{"name", Text, "name of the object", []Path{"objectRef.name"}, ""},
		{"status", Int, "HTTP status of the response", []Path{"responseStatus.code"}, ""},
		{"decision", Text, "allow or forbid", []Path{"annotations"}, "its member authorization.k8s.io/decision"},
		{"decision_reason", Text, "which RBAC binding allowed it", []Path{"annotations"}, "its member authorization.k8s.io/reason"},
		{"request_object", JSON, "what was sent", []Path{"requestObject"}, ""},
	}, common()...),
}

// rdsAudit follows the fixed text forms: Aurora MySQL's advanced auditing and the MariaDB audit
// plugin (server_audit), and PostgreSQL's pgaudit ("Working with database activity" of the Amazon
// RDS and Aurora User Guides). A line is kept as an object with these names.
var rdsAudit = Schema{
	Dataset: RDSAudit, TimeField: EventTime, IDField: EventID,
	Fields: append([]FieldSpec{
		{EventTime, Time, "when it was done", []Path{"time"}, ""},
		{EventID, Text, "sha256 of the record, which has no id of its own", nil, "of the record itself"},
		{"account", Text, "account of the database", []Path{"account"}, "from the export's envelope or the object's place"},
		{"region", Text, "Region of the database", []Path{"region"}, "from the export's envelope or the object's place"},
		{"database_instance", Text, "instance or cluster", []Path{"instance"}, "from the log group's or file's name"},
		{"server_host", Text, "host as the log names it", []Path{"server_host"}, ""},
		{"user_name", Text, "database user", []Path{"user"}, ""},
		{"source_ip", IP, "address of the client", []Path{"host"}, "only when it is an address"},
		{"connection", Text, "id of the connection", []Path{"connection"}, ""},
		{"operation", Text, "CONNECT, FAILED_CONNECT, DISCONNECT, QUERY, READ, WRITE, ... as written", []Path{"operation"}, ""},
		{"database", Text, "database", []Path{"database"}, ""},
		{"object", Text, "statement or table, as written", []Path{"object"}, ""},
		{"return_code", Int, "0 for success", []Path{"return_code"}, ""},
	}, common()...),
}
