package finding

// extract reads the typed members from a canonical document.
func extract(doc map[string]any) Finding {
	top := node{doc}
	service := top.at("service")
	info := service.at("additionalInfo")
	f := Finding{
		ID:          top.at("id").text(),
		ARN:         top.at("arn").text(),
		Account:     AccountID(top.at("accountId").text()),
		Region:      top.at("region").text(),
		Partition:   top.at("partition").text(),
		Type:        Type(top.at("type").text()),
		Severity:    top.at("severity").number(),
		Title:       top.at("title").text(),
		Description: top.at("description").text(),
		Created:     top.at("createdAt").time(),
		Updated:     top.at("updatedAt").time(),

		Archived: service.at("archived").isTrue(),
		// Only the flag counts. Names such as "GeneratedFinding..." anyone can give to a user
		// or a bucket, and a real finding must not pass for a sample because of them.
		Sample:       info.at("sample").isTrue(),
		Count:        service.at("count").whole(),
		FirstSeen:    service.at("eventFirstSeen").time(),
		LastSeen:     service.at("eventLastSeen").time(),
		DetectorID:   service.at("detectorId").text(),
		Feature:      service.at("featureName").text(),
		ResourceRole: service.at("resourceRole").text(),
		UserAgent:    first(info.at("userAgent", "fullUserAgent").text(), service.at("action", "awsApiCallAction", "userAgent").text()),
		ThreatLists:  threatLists(service),
		SequenceARN:  top.at("associatedAttackSequenceArn").text(),

		Action:   readAction(service.at("action")),
		Anomaly:  readAnomaly(info),
		Sequence: readSequence(service.at("detection", "sequence")),
		doc:      doc,
	}
	arn := parseFindingARN(f.ARN) // says the same again, and more when the rest was cut away
	f.Account = AccountID(first(string(f.Account), arn.account))
	f.Region = first(f.Region, arn.region)
	f.Partition = first(f.Partition, arn.partition)
	f.DetectorID = first(f.DetectorID, arn.detector)
	f.Resource = readResource(top.at("resource"))
	f.Resource.Name = resourceName(top, f.Resource)
	f.readMachine(top)
	return f
}

// first is the first of texts that says something.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func threatLists(service node) []string {
	var names unique[string]
	add := func(n node) {
		names.add(n.text())
		for _, name := range n.texts() {
			names.add(name)
		}
	}
	for _, d := range service.at("evidence", "threatIntelligenceDetails").list() {
		add(d.at("threatListName"))
	}
	add(service.at("additionalInfo", "threatListName"))
	return names.list
}

// remote reads remoteIpDetails.
func remote(n node) Remote {
	v4, v6 := n.at("ipAddressV4").text(), n.at("ipAddressV6").text()
	r := Remote{
		Text:        first(v4, v6),
		Country:     n.at("country", "countryName").text(),
		CountryCode: n.at("country", "countryCode").text(),
		City:        n.at("city", "cityName").text(),
		ASN:         n.at("organization", "asn").text(),
		ASNOrg:      n.at("organization", "asnOrg").text(),
		ISP:         n.at("organization", "isp").text(),
		Org:         n.at("organization", "org").text(),
	}
	r.IP = parseAddr(r.Text)
	return r
}

// unique collects values that say something, each once, in the order they come.
type unique[T comparable] struct {
	list []T
	have map[T]bool
}

func (u *unique[T]) add(v T) {
	var nothing T
	if v == nothing || u.have[v] {
		return
	}
	if u.have == nil {
		u.have = map[T]bool{}
	}
	u.have[v] = true
	u.list = append(u.list, v)
}
