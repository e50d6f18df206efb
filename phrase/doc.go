// Package phrase is every sentence a report can contain, as data.
//
// A [Phrase] is a sentence with typed slots, in Japanese and in English, that
// code fills with values; nothing else is ever printed. It promises that both
// languages have the same slots, that no literal holds a number, that no two
// slots touch, and so that a printed line can be read back into the phrase and
// the values it was made of.
//
// The sentences, the chapters and the names of closed choices stand in
// data/*.yaml, which is the place to read or to change how a report sounds:
//
//   - id: signin.counts
//     kind: S1                       # what it is, and so how it is checked: see [Kind]
//     in: [signin]                   # sections where it may stand; left out, anywhere
//     slots:
//     n: signin.total              # a fact; activity.total@session has a subject
//     from: from(n)                # something about another slot's fact: see [From]
//     ok: event.succeeded = true   # a guard; such a slot need not be printed
//     v: verdict                   # a value of the assessment
//     ja: "{from}からのサインインは{n:件}である。"        # a counter after the colon
//     en: "Since {from}: {n:sign-in|sign-ins}."   # singular and plural
//
// "{>who}" stands for one of the ways in parts.yaml to say who; the phrase then
// exists once for each way, under an id such as "summary.event(root,bucket)".
package phrase
