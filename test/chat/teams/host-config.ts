/**
 * How Teams draws cards, near enough to look at them: its colours, sizes and spacings in light and dark, as Microsoft's
 * designer has them.
 */
export function hostConfig(theme: 'light' | 'dark'): object {
  const light = theme === 'light'
  const ink = light ? ['#252424', '#bf252424'] : ['#ffffff', '#bfffffff']
  // On a coloured ground the ink is dark in both.
  const onColour = ['#252424', '#bf252424']
  const style = (backgroundColor: string, [strong, subtle] = ink) => ({
    backgroundColor,
    foregroundColors: {
      default: { default: strong, subtle },
      accent: light ? { default: '#6264a7', subtle: '#8b8cc7' } : { default: '#a6a7dc', subtle: '#8b8cc7' },
      good: { default: '#92c353', subtle: '#e592c353' },
      warning: { default: '#f8d22a', subtle: '#e5f8d22a' },
      attention: { default: light ? '#c4314b' : '#d74654', subtle: '#e5c4314b' },
    },
  })
  const sizes = { small: 12, default: 14, medium: 14, large: 18, extraLarge: 24 }
  const weights = { lighter: 200, default: 400, bolder: 600 }
  return {
    spacing: { small: 8, default: 12, medium: 16, large: 20, extraLarge: 24, padding: 16 },
    separator: { lineThickness: 1, lineColor: light ? '#eeeeee' : '#444444' },
    supportsInteractivity: true,
    fontTypes: {
      default: { fontFamily: "'Segoe UI', system-ui, sans-serif", fontSizes: sizes, fontWeights: weights },
      monospace: { fontFamily: "'Courier New', Courier, monospace", fontSizes: sizes, fontWeights: weights },
    },
    containerStyles: {
      default: style(light ? '#ffffff' : '#2d2c2c'),
      emphasis: style(light ? '#f9f8f7' : '#292828'),
      accent: style('#c7def9', onColour),
      good: style('#ccffcc', onColour),
      attention: style('#ffc5b2', onColour),
      warning: style('#ffe2b2', onColour),
    },
    actions: {
      ...{
        maxActions: 6,
        spacing: 'Default',
        buttonSpacing: 8,
        actionsOrientation: 'Horizontal',
        actionAlignment: 'Left',
      },
      showCard: { actionMode: 'Inline', inlineTopMargin: 16, style: 'emphasis' },
    },
    adaptiveCard: { allowCustomStyle: false },
  }
}
