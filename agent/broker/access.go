package broker

import (
	"context"
	"sync"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/identity"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// roles maps the declared role of the wire to a caller's role. What is not in
// here can be held by nobody.
var roles = map[edgev1.Role]identity.Roles{
	edgev1.Role_ROLE_RECORDS: identity.RoleRecords,
	edgev1.Role_ROLE_CONSENT: identity.RoleConsent,
	edgev1.Role_ROLE_CONFIG:  identity.RoleConfig,
	edgev1.Role_ROLE_AUDIT:   identity.RoleAudit,
	edgev1.Role_ROLE_STATUS:  identity.RoleStatus,
	edgev1.Role_ROLE_SITE:    identity.RoleSite,
}

// anyRole is the demand of the health check: a known caller, whatever its roles.
const anyRole = ^identity.Roles(0)

// declaredRoles returns the role that each method demands, by its full name,
// as the .proto files declare it. A method that declares none is not in it and
// so is refused.
func declaredRoles() map[string]identity.Roles {
	demands := map[string]identity.Roles{grpc_health_v1.Health_Check_FullMethodName: anyRole}
	protoregistry.GlobalFiles.RangeFilesByPackage("mcr.edge.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				role, _ := proto.GetExtension(method.Options(), edgev1.E_RequiredRole).(edgev1.Role)
				if demand, ok := roles[role]; ok {
					demands["/"+string(service.FullName())+"/"+string(method.Name())] = demand
				}
			}
		}
		return true
	})
	return demands
}

// callerKey is where a call's caller is kept in its context.
type callerKey struct{}

func callerOf(ctx context.Context) identity.Caller {
	caller, _ := ctx.Value(callerKey{}).(identity.Caller)
	return caller
}

// identify says who is calling, as it is now, each time it is asked.
type identify func() (identity.Caller, error)

// access lets a call through when its caller is known, holds the role that the
// method declares, and is within its rate. It knows nothing of records.
type access struct {
	whose   func(context.Context) identify
	demands map[string]identity.Roles
	codec   codec
	slots   chan struct{} // calls at once
	perCall rate.Limit    // calls a second of one broker
	burst   int
	door    *Doorman

	mu    sync.Mutex
	rates map[string]*rate.Limiter // by broker name; configuration bounds them
}

// enter returns the context of an allowed call.
func (a *access) enter(ctx context.Context, who identify, method string) (context.Context, error) {
	caller, err := who()
	if err != nil {
		return nil, a.refuse(caller.Broker, method, err)
	}
	demand, declared := a.demands[method]
	switch {
	case !declared:
		err = &care.Error{Kind: care.AccessDenied, Op: "broker.access", Reason: "UNDECLARED", Detail: "there is no such call"}
	case caller.Peer.Roles&demand == 0:
		err = &care.Error{Kind: care.AccessDenied, Op: "broker.access", Reason: "ROLE", Detail: "the certificate was not granted the role for this call"}
	case !a.rate(caller.Peer.Name).Allow():
		err = &care.Error{Kind: care.LimitExceeded, Op: "broker.access", Reason: "RATE", Detail: "too many calls; slow down"}
	}
	if err != nil {
		return nil, a.refuse(caller.Broker, method, err)
	}
	return context.WithValue(ctx, callerKey{}, caller), nil
}

func (a *access) rate(broker string) *rate.Limiter {
	a.mu.Lock()
	defer a.mu.Unlock()
	limiter, there := a.rates[broker]
	if !there {
		limiter = rate.NewLimiter(a.perCall, a.burst)
		a.rates[broker] = limiter
	}
	return limiter
}

// refuse has a call turned away. A method that does not exist is not named:
// the name is the caller's text.
func (a *access) refuse(broker care.Broker, method string, err error) error {
	if _, known := a.demands[method]; !known {
		method = ""
	}
	a.door.TurnAway(broker, method, err)
	return err
}

// stream is the interceptor of all calls: recover, enter, status.
func (a *access) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer a.recovered(&err)
	who := a.whose(stream.Context())
	ctx, err := a.enter(stream.Context(), who, info.FullMethod)
	if err != nil {
		return statusOf(err)
	}
	s := &callerStream{ServerStream: stream, ctx: ctx, who: who, access: a, method: info.FullMethod, many: info.IsClientStream}
	defer s.leave()
	return statusOf(handler(srv, s))
}

// recovered turns a panic into an error. Its value may quote a record and is
// not shown anywhere.
func (a *access) recovered(err *error) {
	if recover() != nil {
		a.door.log.Error("a call failed in the agent itself")
		*err = statusOf(&care.Error{Kind: care.Internal, Op: "broker", Reason: "DEFECT", Detail: "the agent failed on this call; report it to the site"})
	}
}

// callerStream is a stream whose context knows the caller, and that looks at
// the caller's certificate again before each message: a stream may live longer
// than what let it in.
type callerStream struct {
	grpc.ServerStream
	ctx     context.Context
	who     identify
	access  *access
	method  string
	many    bool    // the caller may send more than one message
	header  [5]byte // of the message that is being read
	slotted bool    // the call counts among those served at once
}

// occupy waits for a slot, unless the call has one.
func (s *callerStream) occupy() error {
	if s.slotted {
		return nil
	}
	select {
	case s.access.slots <- struct{}{}:
		s.slotted = true
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// leave gives the slot back.
func (s *callerStream) leave() {
	if s.slotted {
		<-s.access.slots
	}
}

// SendMsg sends a message, if the caller is still who they were.
func (s *callerStream) SendMsg(m any) error {
	if _, err := s.who(); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(m)
}

// Context returns the context of the call.
func (s *callerStream) Context() context.Context { return s.ctx }
