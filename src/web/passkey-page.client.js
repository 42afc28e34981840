// Lets the passkey sign what the page shows, and sends it as a form. Nothing else leaves the page.
const form = document.querySelector('form[data-ceremony]')
const button = form.querySelector('button')
const trouble = document.getElementById('trouble')
const options = JSON.parse(form.dataset.options)

const fromUrl = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
const toUrl = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
const known = (list) => list.map((one) => ({ ...one, id: fromUrl(one.id) }))

async function sign() {
  const publicKey = { ...options, challenge: fromUrl(options.challenge) }
  if (form.dataset.ceremony === 'get') {
    publicKey.allowCredentials = known(options.allowCredentials)
    const made = await navigator.credentials.get({ publicKey })
    const { authenticatorData, clientDataJSON, signature } = made.response
    return envelope(made, {
      authenticatorData: toUrl(authenticatorData),
      clientDataJSON: toUrl(clientDataJSON),
      signature: toUrl(signature),
    })
  }
  publicKey.user = { ...options.user, id: fromUrl(options.user.id) }
  publicKey.excludeCredentials = known(options.excludeCredentials)
  const made = await navigator.credentials.create({ publicKey })
  const { attestationObject, clientDataJSON } = made.response
  return envelope(made, {
    attestationObject: toUrl(attestationObject),
    clientDataJSON: toUrl(clientDataJSON),
    transports: made.response.getTransports?.() ?? [],
  })
}

function envelope(made, response) {
  return { id: made.id, rawId: toUrl(made.rawId), type: made.type, clientExtensionResults: {}, response }
}

const WORDS = {
  NotAllowedError: 'Nothing was signed: it was cancelled, took too long, or this device has no passkey of yours.',
  InvalidStateError: 'This device has a passkey of yours already.',
  SecurityError: 'This page is not at the address that your passkey belongs to.',
}

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  button.disabled = true
  trouble.textContent = ''
  try {
    form.elements.passkey.value = JSON.stringify(await sign())
    form.submit()
  } catch (error) {
    trouble.textContent = `${WORDS[error.name] ?? 'The passkey could not be used.'} Nothing was decided; try again.`
    button.disabled = false
  }
})

if (globalThis.PublicKeyCredential === undefined) {
  trouble.textContent = 'This browser knows no passkeys, or the page was not opened over https. Use another one.'
} else {
  trouble.textContent = ''
  button.disabled = false
}

// Back from the browser's memory: what was used once is not used again.
addEventListener('pageshow', (event) => event.persisted && location.reload())
