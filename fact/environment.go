package fact

import (
	"slices"

	"uratori/evidence"
)

var environmentDefs = []Def{
	{Key: "finding.resource_environment", Rule: resourceEnvironment, Type: Name, Kind: Computed, JA: "リソースのタグによる環境", EN: "environment by the resource's tags", Says: "tags of the finding's bucket or instance, as the finding and the look-up tell them: by the configuration's rules, else a tag environment or env; production goes before others", Choices: []string{"production", "staging", "development", "sandbox", "management", "other"}, If: taggedResource},
}

// taggedResource tells whether a tag names an environment, or one that could not be read may.
func taggedResource(v *view) bool {
	return resourceEnvironment(v, "").state != NotApplicable
}

// resourceEnvironment is the environment that the tags of the bucket or instance name. Anybody who may
// tag it may have put them there: policy lets it raise suspicion only.
func resourceEnvironment(v *view, _ string) result {
	const key = "finding.resource_environment"
	var list []string
	var from []Ref
	say := func(tags []evidence.Tag, ref Ref) {
		if env, _ := v.environmentOfTags(tags); env != "" {
			list, from = append(list, env), append(from, ref)
		}
	}
	r := v.f.Resource
	for _, b := range r.Buckets {
		say(tagList(b.Tags), findingRef)
	}
	say(tagList(r.Instance.Tags), findingRef)
	var open *result // a look-up that was not answered
	for _, kind := range []evidence.LookupKind{evidence.LookBucket, evidence.LookInstance} {
		if _, asked := v.set.LookedFor(kind, key); !asked {
			continue
		}
		b, ref, why, ok := v.looked(kind, key)
		if ok && kind == evidence.LookBucket {
			why, ok = answered(b, ref, tagsOfBucket)
		}
		switch {
		case !ok && why.state == Unknown:
			open = &why
		case !ok:
		case b.Bucket != nil:
			say(b.Bucket.Tags, ref)
		case b.Instance != nil:
			say(b.Instance.Tags, ref)
		}
	}
	switch {
	case slices.Contains(list, "production"):
		return environmentNamed(key, "production", from)
	case open != nil:
		return *open
	case len(list) == 0:
		return notApplicable(findingRef)
	}
	return environmentNamed(key, list[0], from)
}

func environmentNamed(key Key, env string, from []Ref) result {
	if !slices.Contains(choices(key), env) {
		env = "other"
	}
	return known(NameOf(env), compactRefs(from)...)
}

// tagList are tags in the order of their keys.
func tagList(tags map[string]string) []evidence.Tag {
	var out []evidence.Tag
	for k, value := range tags {
		out = append(out, evidence.Tag{Key: k, Value: value})
	}
	slices.SortFunc(out, func(a, b evidence.Tag) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return out
}
