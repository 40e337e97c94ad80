//! TLS in front of a server that was built without it, as those of the Python wheels are.

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener as AsyncListener, TcpStream};
use tokio::runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring};

use crate::support::authority::{Authority, Pair};

/// Listens at `listener` until the process ends, and hands what comes over TLS to the port `plain`.
pub(crate) fn serve(listener: TcpListener, plain: u16, config: ServerConfig) {
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = AsyncListener::from_std(listener).unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(config));
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(relay(acceptor.clone(), stream, plain));
            }
        });
    });
}

/// One connection; whatever goes wrong ends it, as a server would.
async fn relay(acceptor: TlsAcceptor, stream: TcpStream, plain: u16) {
    let Ok(mut outer) = acceptor.accept(stream).await else {
        return;
    };
    let Ok(mut inner) = TcpStream::connect(("127.0.0.1", plain)).await else {
        return;
    };
    let _ended = copy_bidirectional(&mut outer, &mut inner).await;
}

/// Shows `pair` and, when told, asks for a client certificate of `authority`.
pub(crate) fn config(authority: &Authority, pair: &Pair, asks_clients: bool) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if asks_clients {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(authority.ca())).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let chain = vec![certificate(pair.cert.to_str().unwrap())];
    let key = PrivateKeyDer::from_pem_slice(&fs::read(&pair.key).unwrap()).unwrap();
    builder.with_single_cert(chain, key).unwrap()
}

fn certificate(path: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(&fs::read(path).unwrap()).unwrap()
}
