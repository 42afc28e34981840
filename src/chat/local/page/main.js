import { startComposer } from './composer.js'
import { startConversation } from './conversation.js'
import { startFormDialog } from './form-dialog.js'
import { startGuide } from './guide.js'
import { startRecordPane } from './record-pane.js'
import { startSidebar } from './sidebar.js'
import { holdStillWhilePressed } from './state.js'
import { followServer } from './stream.js'
import { startTabs } from './tabs.js'
import { startTargetPane } from './target-pane.js'
import { startCountdowns } from './time.js'

holdStillWhilePressed()
// The sidebar first: it settles whom the reader acts as, which the others draw by.
startSidebar()
startConversation()
startComposer()
startFormDialog()
startTargetPane()
startRecordPane()
startTabs()
startGuide()
startCountdowns()
followServer()
