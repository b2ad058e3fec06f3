// Package broker is the agent's side of the wire: the gRPC services, and the
// rules by which a call is let in. It turns messages into the domain's words
// and a Kind into a status; it decides nothing about records.
package broker

import (
	"context"
	"crypto/tls"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Journal writes down the calls that never reach the gate.
type Journal interface {
	AppendLazily(care.Event) care.Entry
}

// Settings are what a server needs. All fields are required.
type Settings struct {
	SiteCode  care.ODSCode
	SiteName  string
	Gate      func() Gate // the gate in force at the start of a call
	Consent   Consent
	Operation Operation
	Audit     Audit
	Door      *Doorman
	Health    *health.Server

	Calls     int // calls at once, over all brokers
	PerMinute int // calls a minute of one broker
	Documents int // documents at once
}

// Identifier knows callers by their connection. It is asked at every call, so
// that a certificate that has ended or was revoked since counts no more.
type Identifier interface {
	Identify(*tls.ConnectionState) (identity.Caller, error)
}

// NewServer returns a gRPC server for brokers: callers are known by the
// certificate of their connection, which judge looks at at every call.
// The options set transport credentials and limits.
func NewServer(s Settings, judge Identifier, options ...grpc.ServerOption) *grpc.Server {
	return newServer(s, func(ctx context.Context) identify {
		if p, ok := peer.FromContext(ctx); ok {
			if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
				return func() (identity.Caller, error) { return judge.Identify(&info.State) }
			}
		}
		return func() (identity.Caller, error) {
			return identity.Caller{}, &care.Error{Kind: care.Unauthenticated, Op: "broker", Reason: "NO_CERTIFICATE", Detail: "the connection has no certificate"}
		}
	}, options)
}

// NewSiteServer returns a gRPC server for people at the site, to be served on
// the agent's own socket only, to which the operating system lets nobody else.
func NewSiteServer(s Settings, options ...grpc.ServerOption) *grpc.Server {
	return newServer(s, func(ctx context.Context) identify {
		account := "site"
		if p, ok := peer.FromContext(ctx); ok && p.AuthInfo != nil {
			account = p.AuthInfo.AuthType()
		}
		roles := identity.RoleSite | identity.RoleStatus | identity.RoleAudit | identity.RoleConfig
		caller := identity.Caller{Peer: identity.Peer{Name: account, Roles: roles}, Broker: care.Broker{Name: account}}
		return func() (identity.Caller, error) { return caller, nil }
	}, options)
}

func newServer(s Settings, whose func(context.Context) identify, options []grpc.ServerOption) *grpc.Server {
	a := &access{
		whose:   whose,
		demands: declaredRoles(),
		slots:   make(chan struct{}, s.Calls),
		perCall: rate.Limit(float64(s.PerMinute) / 60),
		burst:   max(s.PerMinute/6, 1), // ten seconds' worth
		door:    s.Door,
		codec:   newCodec(),
		rates:   map[string]*rate.Limiter{},
	}
	unknown := func(any, grpc.ServerStream) error {
		return &care.Error{Kind: care.AccessDenied, Op: "broker.access", Reason: "UNDECLARED", Detail: "there is no such call"}
	}
	server := streams{grpc.NewServer(append(options,
		grpc.ForceServerCodecV2(a.codec),
		grpc.StreamInterceptor(a.stream),
		grpc.UnknownServiceHandler(unknown),
	)...)}
	where := site{s.SiteCode, s.SiteName}
	edgev1.RegisterRecordServiceServer(server, &recordService{gate: s.Gate, site: where, pool: &buffers{}, documents: make(chan struct{}, s.Documents)})
	edgev1.RegisterConsentServiceServer(server, &consentService{consent: s.Consent})
	operation := &operationService{operation: s.Operation, consent: s.Consent}
	edgev1.RegisterConfigServiceServer(server, operation)
	edgev1.RegisterAuditServiceServer(server, &auditService{operation: s.Operation, audit: s.Audit})
	edgev1.RegisterStatusServiceServer(server, operation)
	grpc_health_v1.RegisterHealthServer(server, s.Health)
	return server.Server
}
