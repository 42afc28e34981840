// A table of thousands, some at a time. On paper, and without scripts, all of it stands there.
const A_PAGE = 50
const tableRows = [...document.querySelectorAll('#rows > tr')]
const odd = document.getElementById('odd')
let shownPage = 0

function turnTo(page) {
  const some = odd.checked ? tableRows.filter((row) => row.className !== 'shown') : tableRows
  const pages = Math.max(1, Math.ceil(some.length / A_PAGE))
  shownPage = Math.min(Math.max(0, page), pages - 1)
  const visible = new Set(some.slice(shownPage * A_PAGE, (shownPage + 1) * A_PAGE))
  for (const row of tableRows) row.hidden = !visible.has(row)
  document.getElementById('page').textContent =
    `${some.length} of ${tableRows.length}; page ${shownPage + 1} of ${pages}`
  for (const turn of ['before', 'after']) document.getElementById(turn).hidden = pages === 1
  document.getElementById('before').disabled = shownPage === 0
  document.getElementById('after').disabled = shownPage === pages - 1
}

document.getElementById('paging').hidden =
  tableRows.length <= A_PAGE && tableRows.every((row) => row.className === 'shown')
document.getElementById('before').addEventListener('click', () => turnTo(shownPage - 1))
document.getElementById('after').addEventListener('click', () => turnTo(shownPage + 1))
odd.addEventListener('change', () => turnTo(0))
turnTo(0)
