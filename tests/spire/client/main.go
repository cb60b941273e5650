// A workload that uses go-spiffe; it prints a line of JSON for each thing that it gets.
//
//	client once [TOKEN]       all that the Workload API has, by sources and by calls
//	client watch              X.509 contexts and bundles of both kinds as they change, and errors
//	client serve ADDRESS ID   an HTTPS server for ID, under mutual TLS; says who calls
//	client call URL ID        what an HTTPS server answers that has to be ID
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"sync"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/jwtbundle"
	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc/status"
)

const audience = "db"

type object map[string]any

var printing sync.Mutex

func show(found object) {
	printing.Lock()
	defer printing.Unlock()
	must(json.NewEncoder(os.Stdout).Encode(found))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func need[T any](value T, err error) T {
	must(err)
	return value
}

func main() {
	ctx := context.Background()
	switch arguments := os.Args[1:]; arguments[0] {
	case "once":
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		once(ctx, arguments[1:])
	case "watch":
		watch(ctx)
	case "serve":
		serve(ctx, arguments[1], arguments[2])
	case "call":
		call(ctx, arguments[1], arguments[2])
	}
}

func once(ctx context.Context, tokens []string) {
	client := need(workloadapi.New(ctx))
	with := workloadapi.WithClient(client)
	x509Source := need(workloadapi.NewX509Source(ctx, with))
	jwtSource := need(workloadapi.NewJWTSource(ctx, with))
	bundles := need(workloadapi.NewBundleSource(ctx, with))
	svids := need(jwtSource.FetchJWTSVIDs(ctx, jwtsvid.Params{Audience: audience, ExtraAudiences: []string{"other"}}))
	own := need(x509Source.GetX509SVID())
	second := need(jwtSource.FetchJWTSVID(ctx, jwtsvid.Params{Audience: audience, Subject: svids[len(svids)-1].ID}))
	domain := need(bundles.GetBundleForTrustDomain(own.ID.TrustDomain()))
	sequence, hasSequence := domain.SequenceNumber()
	found := object{
		"default":    own.ID.String(),
		"context":    contextOf(need(client.FetchX509Context(ctx))),
		"x509":       rootsOf(need(client.FetchX509Bundles(ctx))),
		"jwt":        keysOf(need(client.FetchJWTBundles(ctx))),
		"source":     []int{len(domain.X509Authorities()), len(domain.JWTAuthorities())},
		"sequence":   []any{sequence, hasSequence},
		"tokens":     tokensOf(svids),
		"token":      second.ID.String(),
		"validated":  map[string]string{},
		"validating": map[string]string{},
	}
	for _, token := range append(tokens, second.Marshal()) {
		here, err := jwtsvid.ParseAndValidate(token, bundles, []string{audience})
		name(found["validated"], here, err)
		there, err := client.ValidateJWTSVID(ctx, token, audience)
		name(found["validating"], there, err)
	}
	_, err := client.ValidateJWTSVID(ctx, second.Marshal(), "somebody else")
	found["wrong_audience"] = status.Code(err).String()
	_, err = client.FetchWITSVIDs(ctx, "")
	found["wit"] = status.Code(err).String()
	show(found)
}

func name(found any, svid *jwtsvid.SVID, err error) {
	if err != nil {
		found.(map[string]string)[err.Error()] = status.Code(err).String()
		return
	}
	found.(map[string]string)[svid.ID.String()] = svid.Hint
}

func tokensOf(svids []*jwtsvid.SVID) (found []object) {
	for _, svid := range svids {
		found = append(found, object{"id": svid.ID.String(), "hint": svid.Hint, "audience": svid.Audience})
	}
	return found
}

func contextOf(context *workloadapi.X509Context) object {
	found := []object{}
	for _, svid := range context.SVIDs {
		_, _, err := x509svid.Verify(svid.Certificates, context.Bundles)
		found = append(found, object{
			"id": svid.ID.String(), "hint": svid.Hint, "verified": err == nil,
			"serial": svid.Certificates[0].SerialNumber.String(),
		})
	}
	return object{"svids": found, "roots": rootsOf(context.Bundles)}
}

func rootsOf(bundles *x509bundle.Set) map[string][]string {
	found := map[string][]string{}
	for _, bundle := range bundles.Bundles() {
		for _, root := range bundle.X509Authorities() {
			domain := bundle.TrustDomain().Name()
			found[domain] = append(found[domain], root.SerialNumber.String())
		}
	}
	return found
}

func keysOf(bundles *jwtbundle.Set) map[string][]string {
	found := map[string][]string{}
	for _, bundle := range bundles.Bundles() {
		keys := []string{}
		for id := range bundle.JWTAuthorities() {
			keys = append(keys, id)
		}
		sort.Strings(keys)
		found[bundle.TrustDomain().Name()] = keys
	}
	return found
}

type watcher struct{}

func (watcher) OnX509ContextUpdate(found *workloadapi.X509Context) {
	show(object{"context": contextOf(found)})
}
func (watcher) OnX509BundlesUpdate(found *x509bundle.Set) { show(object{"x509": rootsOf(found)}) }
func (watcher) OnJWTBundlesUpdate(found *jwtbundle.Set)   { show(object{"jwt": keysOf(found)}) }
func (watcher) OnX509ContextWatchError(err error)         { showError("context", err) }
func (watcher) OnX509BundlesWatchError(err error)         { showError("x509", err) }
func (watcher) OnJWTBundlesWatchError(err error)          { showError("jwt", err) }

func showError(of string, err error) {
	show(object{"error": of, "code": status.Code(err).String(), "text": err.Error()})
}

func watch(ctx context.Context) {
	client := need(workloadapi.New(ctx))
	go func() { must(client.WatchX509Bundles(ctx, watcher{})) }()
	go func() { must(client.WatchJWTBundles(ctx, watcher{})) }()
	must(client.WatchX509Context(ctx, watcher{}))
}

func serve(ctx context.Context, address, peer string) {
	source := need(workloadapi.NewX509Source(ctx))
	authorizer := tlsconfig.AuthorizeID(spiffeid.RequireFromString(peer))
	server := &http.Server{
		Addr:      address,
		TLSConfig: tlsconfig.MTLSServerConfig(source, source, authorizer),
		Handler: http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
			caller := need(x509svid.IDFromCert(request.TLS.PeerCertificates[0]))
			fmt.Fprintf(answer, "hello %s", caller)
		}),
	}
	must(server.ListenAndServeTLS("", ""))
}

func call(ctx context.Context, url, peer string) {
	source := need(workloadapi.NewX509Source(ctx))
	authorizer := tlsconfig.AuthorizeID(spiffeid.RequireFromString(peer))
	client := http.Client{
		Timeout:   20 * time.Second,
		Transport: &http.Transport{TLSClientConfig: tlsconfig.MTLSClientConfig(source, source, authorizer)},
	}
	answer, err := client.Get(url)
	if err != nil {
		show(object{"error": err.Error()})
		return
	}
	show(object{"status": answer.StatusCode, "body": string(need(io.ReadAll(answer.Body)))})
}
