//! What `lib/` pulls when an AbortSignal fires or a callback throws.

use napi::Env;
use napi_derive::napi;
use tokio_util::sync::CancellationToken;

use crate::call;

#[napi]
#[derive(Debug)]
pub struct Cancel {
    token: CancellationToken,
}

#[napi]
impl Cancel {
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env) -> napi::Result<Self> {
        Ok(Self { token: call::scope(&env)? })
    }

    #[napi(catch_unwind)]
    pub fn cancel(&self) {
        self.token.cancel();
    }

    pub(crate) fn token(&self) -> CancellationToken {
        self.token.clone()
    }
}
