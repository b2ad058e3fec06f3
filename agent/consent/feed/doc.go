// Package feed is what a region and its sites agree on about consent flags:
// the manifest that says what a push is and leads to, the rows it is computed
// over, the digest by which two sites are compared, the file of a list, and the
// region's own set of flags.
//
// The agent reads manifests and checks content and digest; whoever pushes makes
// them. All of it is specified for other implementations in the document
// consent-sync. Nothing here knows a store or a connection.
//
// Start reading at Manifest, then AppendRow.
package feed

import "github.com/mycarerecord/edge-agent/agent/care"

func failure(kind care.Kind, reason, detail string, cause error) *care.Error {
	return &care.Error{Kind: kind, Op: "consent/feed", Reason: reason, Detail: detail, Err: cause}
}
