// Only comfort: without this script everything can be read and marked by hand.
for (const button of document.querySelectorAll('[data-copy]')) {
  button.hidden = false
  button.addEventListener('click', async () => {
    const source = document.getElementById(button.dataset.copy)
    try {
      await navigator.clipboard.writeText(source.textContent)
      button.textContent = 'Copied'
    } catch {
      // No clipboard without https: mark it, so that it can be copied by hand.
      source.closest('details')?.setAttribute('open', '')
      getSelection().selectAllChildren(source)
      button.textContent = 'Press Ctrl+C'
    }
    setTimeout(() => {
      button.textContent = 'Copy'
    }, 2000)
  })
}

// A second press while the first is under way would find the link used, and replace the answer to the first.
for (const form of document.querySelectorAll('form')) {
  form.addEventListener('submit', () => {
    const button = form.querySelector('button')
    button.disabled = true
    button.textContent = 'One moment…'
  })
}

// Back from the browser's memory: what was shown once is not shown again.
addEventListener('pageshow', (event) => event.persisted && location.reload())
