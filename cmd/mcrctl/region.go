package main

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
)

// regionFlags say which agent is called, and as whom.
type regionFlags struct {
	Region      string        `placeholder:"DIR" complete:"dir" group:"Agent" help:"Folder with the files address, ca.pem, broker.crt, broker.key and, if needed, server_name. The flags below replace single ones."`
	Agent       string        `placeholder:"HOST:PORT" group:"Agent" help:"Address of the agent."`
	CA          string        `name:"ca" placeholder:"FILE" complete:"file" group:"Agent" help:"Roots of the agent's certificate, PEM."`
	Certificate string        `placeholder:"FILE" complete:"file" group:"Agent" help:"The broker's certificate, PEM."`
	Key         string        `placeholder:"FILE" complete:"file" group:"Agent" help:"The broker's private key, PEM."`
	ServerName  string        `placeholder:"NAME" group:"Agent" help:"Name that the agent's certificate must hold, if it is not the host of its address."`
	Timeout     time.Duration `default:"60s" group:"Agent" help:"Give up after this time."`
}

// region returns the region's folder with what single flags replace in it.
func (f *regionFlags) region() (edge.Region, error) {
	var region edge.Region
	if f.Region != "" {
		var err error
		if region, err = edge.LoadRegion(f.Region); err != nil {
			return region, err
		}
	}
	for _, part := range []struct {
		flag string
		at   *string
	}{
		{f.Agent, &region.Address}, {f.CA, &region.CA}, {f.Certificate, &region.Certificate},
		{f.Key, &region.Key}, {f.ServerName, &region.ServerName},
	} {
		if part.flag != "" {
			*part.at = part.flag
		}
	}
	if region.Address == "" || region.CA == "" || region.Certificate == "" || region.Key == "" {
		return region, errors.New("which agent? Give --region, or --agent, --ca, --certificate and --key")
	}
	if _, _, err := net.SplitHostPort(region.Address); err != nil {
		return region, errors.New("the agent's address is not of the form HOST:PORT, such as agent.example.nhs.uk:8443; check --agent, or the file address in --region's folder")
	}
	return region, nil
}

// call runs a function with a client of the agent and the time it has.
func (f *regionFlags) call(do func(ctx context.Context, client *edge.Client) error) error {
	region, err := f.region()
	if err != nil {
		return err
	}
	client, err := edge.Dial(region)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, stop := context.WithTimeout(context.Background(), f.Timeout)
	defer stop()
	return do(ctx, client)
}
