//! TLS to the engine: rustls with ring, from PEM in memory. The engine's certificate is checked: who made it, for which
//! name, until when; only a context of the docker command can waive that. What is wrong with our own material is told when the provider is made.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config::Pem;

/// Whether the engine's certificate must be the right one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Check {
    #[default]
    Full,
    /// Any certificate will do: a context may say so (`SkipTLSVerify`), nothing else.
    None,
}

/// PEM of the authority, of our certificate and of its key.
#[derive(Debug, Default)]
pub(super) struct Material {
    pub(super) ca: Option<Pem>,
    pub(super) cert: Option<Pem>,
    pub(super) key: Option<Pem>,
    pub(super) check: Check,
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
        let (ca, cert, key) = (read("ca.pem")?, read("cert.pem")?, read("key.pem")?);
        let material = Self { ca, cert, key, check: Check::Full };
        Ok((material.ca.is_some() || material.cert.is_some() || material.key.is_some()).then_some(material))
    }

    /// Without an authority the operating system's are trusted, with one only that.
    pub(super) fn client(&self) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match self.check {
            Check::Full => builder.with_root_certificates(self.roots()?),
            Check::None => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            }
        };
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

/// Takes whatever certificate there is; that its holder has the key is checked still.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
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
