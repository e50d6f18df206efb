package finding

// readAction reads service.action. Every kind of action is an object of its own beside
// actionType; a runtime finding has an empty action.
func readAction(n node) Action {
	a := Action{Type: n.at("actionType").text()}
	if call := n.at("awsApiCallAction"); call.present() {
		a.API = call.at("api").text()
		a.Service = call.at("serviceName").text()
		a.CallerType = call.at("callerType").text()
		a.CallerDomain = call.at("domainDetails", "domain").text()
		a.ErrorCode = call.at("errorCode").text()
		a.Affected = call.at("affectedResources").stringMap()
		a.RemoteAccount = AccountID(call.at("remoteAccountDetails", "accountId").text())
		a.Affiliated = call.at("remoteAccountDetails", "affiliated").truth()
		a.Remote = remote(call.at("remoteIpDetails"))
	}
	if conn := n.at("networkConnectionAction"); conn.present() {
		a.Direction = conn.at("connectionDirection").text()
		a.Protocol = conn.at("protocol").text()
		a.Blocked = conn.at("blocked").truth()
		a.LocalPort, a.LocalPortName = port(conn.at("localPortDetails"))
		a.RemotePort, a.RemotePortName = port(conn.at("remotePortDetails"))
		a.Remote = remote(conn.at("remoteIpDetails"))
	}
	if dns := n.at("dnsRequestAction"); dns.present() {
		a.Domain = dns.at("domain").text()
		a.Protocol = dns.at("protocol").text()
		a.Blocked = dns.at("blocked").truth()
	}
	if probe := n.at("portProbeAction"); probe.present() {
		a.Blocked = probe.at("blocked").truth()
		for i, d := range probe.at("portProbeDetails").list() {
			r := remote(d.at("remoteIpDetails"))
			a.Remotes = append(a.Remotes, r)
			if i == 0 {
				a.Remote = r
				a.LocalPort, a.LocalPortName = port(d.at("localPortDetails"))
			}
		}
	}
	if k8s := n.at("kubernetesApiCallAction"); k8s.present() {
		a.Verb = k8s.at("verb").text()
		a.RequestURI = k8s.at("requestUri").text()
		a.Namespace = k8s.at("namespace").text()
		a.Remote = remote(k8s.at("remoteIpDetails"))
	}
	if login := n.at("rdsLoginAttemptAction"); login.present() {
		a.Remote = remote(login.at("remoteIpDetails"))
	}
	return a
}

// port is a port's number and name; a number that no port can have is not one.
func port(n node) (int, string) {
	p := n.at("port").whole()
	if p < 0 || p > 65535 {
		p = 0
	}
	return p, n.at("portName").text()
}
