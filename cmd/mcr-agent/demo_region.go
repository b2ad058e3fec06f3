package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"text/template"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/identity/throwaway"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/connectors/all"
	"github.com/mycarerecord/edge-agent/connectors/memory"
)

// demonstration is a throw-away region with one agent, and a broker that asks.
type demonstration struct {
	folder, configPath string
	site               *config.Site
	region             edge.Region
	agent              *agent.Agent
	source             *memory.Connector
	practice           *memory.Practice
	emergency          memory.Member
	client             *edge.Client
	out                io.Writer // nil when only the report counts
	steps              []step
}

// brokerURI is the name in the demonstration broker's certificate.
const brokerURI = "urn:mcr:demo:broker"

// agentYAML is the site's file of the demonstration.
var agentYAML = template.Must(template.New("agent.yaml").Parse(`# The site's file of the demonstration: a made-up practice.
site:
  ods_code: {{.Code}}
  name: "{{.Name}}"
  kind: gp-practice
  test_site: true          # its patients have numbers that no person has
state_folder: '{{.Folder}}'
listen:
  address: "{{.Listen}}"
identity:
  certificate: agent.pem
  key: agent.key
  broker_roots: [ca.pem]
brokers:
  - name: demo-broker
    uri: {{.Broker}}
    roles: [records, consent, audit, status, config]
consent:
  model: opt-out
  max_age: 24h
sharing:
  enabled: true
  sections: [ALL]
  purposes: [TREAT, ETREAT, BTG]
  organisations: [ANY]
sources:
  - name: clinical
    kind: memory
    system: Demonstration
    settings:
      practice: synthetic
      patients: 300
      seed: 1
`))

// newDemonstration makes the region and opens the agent.
func newDemonstration(ctx context.Context, folder, listen string) (*demonstration, error) {
	d := &demonstration{folder: folder, configPath: filepath.Join(folder, "agent.yaml")}
	if err := d.makeRegion(); err != nil {
		return nil, err
	}
	if err := d.writeConfig(listen); err != nil {
		return nil, err
	}
	site, err := config.Load(d.configPath, all.Registry())
	if err != nil {
		return nil, err
	}
	d.site = site
	d.practice = memory.Synthetic(1, 300, now())
	d.emergency, _ = d.practice.Member(memory.CastEmergency)
	d.agent, err = agent.New(ctx, agent.Options{Site: site, OpenSource: d.openSource, Version: version(), Log: hclog.NewNullLogger()})
	if err != nil {
		return nil, err
	}
	d.region.Address = d.agent.Address().String()
	if err := os.WriteFile(filepath.Join(folder, "address"), []byte(d.region.Address+"\n"), 0o600); err != nil {
		return nil, err
	}
	d.client, err = edge.Dial(d.region)
	return d, err
}

// openSource opens the practice as any agent would, and keeps hold of it so
// that the walk can stop it.
func (d *demonstration) openSource(ctx context.Context, s config.Source, log hclog.Logger) (care.Connector, error) {
	connector, err := openSource(all.Registry())(ctx, s, log)
	d.source, _ = connector.(*memory.Connector)
	return connector, err
}

// makeRegion issues the certificates and writes the region's folder.
func (d *demonstration) makeRegion() error {
	ca, err := throwaway.New(time.Now())
	if err != nil {
		return err
	}
	site, err := ca.Issue(throwaway.Leaf{Name: "agent", DNS: []string{"localhost"}, Server: true})
	if err != nil {
		return err
	}
	broker, err := ca.Issue(throwaway.Leaf{Name: "broker", URI: brokerURI, Client: true})
	if err != nil {
		return err
	}
	d.region = edge.Region{CA: filepath.Join(d.folder, "ca.pem"), Certificate: filepath.Join(d.folder, "broker.crt"),
		Key: filepath.Join(d.folder, "broker.key"), ServerName: "localhost"}
	_, _, err = site.WriteFiles(d.folder, "agent")
	return errors.Join(err,
		os.WriteFile(d.region.CA, ca.RootPEM(), 0o600),
		os.WriteFile(d.region.Certificate, broker.CertPEM, 0o600),
		os.WriteFile(d.region.Key, broker.KeyPEM, 0o600),
		os.WriteFile(filepath.Join(d.folder, "server_name"), []byte("localhost\n"), 0o600))
}

func (d *demonstration) writeConfig(listen string) error {
	listen, err := freePort(listen)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(d.configPath, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = agentYAML.Execute(file, map[string]string{"Code": string(memory.PracticeCode), "Name": memory.PracticeName,
		"Folder": filepath.Join(d.folder, "state"), "Listen": listen, "Broker": brokerURI})
	return errors.Join(err, file.Close())
}

// freePort returns the address with a port that is free now, if it asks for
// any: agent.yaml names one port.
func freePort(address string) (string, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return address, keyError(care.BadRequest, "LISTEN", "--listen is not HOST:PORT, such as 127.0.0.1:8443", err)
	}
	if port != "0" {
		return address, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
