// Package awstest is a double of AWS for tests: one server for any of its services.
//
// What goes in and what goes out is held against the services' official API models: a request
// that the real service would refuse is refused here and fails the test, and so does a response
// that the real service could not have given. Requests must be signed (Signature Version 4) with
// credentials that the server knows, for a Region that it has. The server shares no code with the
// clients that it tests: its own signature, its own protocols.
//
// What a service answers is up to handlers; [Server.Script] makes it misbehave; [Server.Calls]
// and [Server.MaxPerSecond] tell what was asked of it, and how fast.
//
// The models are botocore's service descriptions, in a folder beside the project. Where it is
// absent, [New] skips the test and says so.
package awstest
