//! TLS to the engine: rustls with ring, from PEM in memory. The engine's certificate is always checked: who made it,
//! for which name, until when. What is wrong with our own material is told when the provider is made.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config::Pem;

/// PEM of the authority, of our certificate and of its key.
#[derive(Debug, Default)]
pub(super) struct Material {
    pub(super) ca: Option<Pem>,
    pub(super) cert: Option<Pem>,
    pub(super) key: Option<Pem>,
}

impl Material {
    /// `ca.pem`, `cert.pem` and `key.pem` of a folder, as the docker command names them; `None` if there are none.
    pub(super) fn in_folder(folder: &Path) -> Result<Option<Self>, String> {
        let read = |name: &str| {
            let file = folder.join(name);
            match std::fs::read(&file) {
                Ok(pem) => Ok(Some(Pem(pem))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(format!("{}: {error}", file.display())),
            }
        };
        let material = Self { ca: read("ca.pem")?, cert: read("cert.pem")?, key: read("key.pem")? };
        Ok((material.ca.is_some() || material.cert.is_some() || material.key.is_some()).then_some(material))
    }

    /// Without an authority the operating system's are trusted, with one only that.
    pub(super) fn client(&self) -> Result<Arc<ClientConfig>, String> {
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(self.roots()?);
        let client = match (&self.cert, &self.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(cert), Some(key)) => {
                let key = PrivateKeyDer::from_pem_slice(&key.0).map_err(|_| {
                    "key holds no private key in PEM form that can be read; is it encrypted?".to_owned()
                })?;
                let chain = certificates("cert", cert)?;
                builder.with_client_auth_cert(chain, key).map_err(|error| format!("cert and key: {error}"))?
            }
            (Some(_), None) => return Err("cert is given without its key".to_owned()),
            (None, Some(_)) => return Err("key is given without its cert".to_owned()),
        };
        Ok(Arc::new(client))
    }

    fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            Some(ca) => {
                for certificate in certificates("ca", ca)? {
                    roots.add(certificate).map_err(|error| format!("ca: {error}"))?;
                }
            }
            // Some of the system's certificates may be of no use; what matters is the one that is needed.
            None => _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
        }
        Ok(roots)
    }
}

fn certificates(name: &str, pem: &Pem) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.0).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(format!("{name} holds no certificate in PEM form")),
    }
}

pub(super) async fn handshake(
    stream: TcpStream,
    host: &str,
    client: Arc<ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(client).connect(name, stream).await
}

/// What a failed handshake means to a person.
pub(super) fn explain(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match error {
        rustls::Error::InvalidMessage(_) => "it does not speak TLS there".to_owned(),
        rustls::Error::InvalidCertificate(why) => format!("its certificate is refused: {why}"),
        other => format!("the TLS handshake failed: {other}"),
    })
}
