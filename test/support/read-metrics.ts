/** Reads the text that Prometheus gets: the value of a metric of ours with exactly or at least these labels; null when absent. */
export function readMetrics(text: string): (name: string, labels?: Record<string, string>) => number | null {
  const samples = text.split('\n').flatMap((line) => {
    const [, name, inside = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined) return []
    const labels = Object.fromEntries([...inside.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, label]) => [key, label]))
    return [{ name, labels, value: Number(value) }]
  })
  return (name, labels = {}) =>
    samples.find(
      (one) =>
        one.name === `countersign_${name}` && Object.entries(labels).every(([key, value]) => one.labels[key] === value),
    )?.value ?? null
}

/** The names of our metrics, as their help lines have them. */
export function metricNames(text: string): string[] {
  return [...text.matchAll(/^# HELP (countersign_\w+)/gm)].map(([, name]) => name ?? '')
}
