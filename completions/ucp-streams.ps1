# Completion of ucp-streams for PowerShell; `ucp-streams completions powershell` prints this file.
# The tool itself is asked for the words, so that they fit the version that is installed and the
# server that the line is about.

Register-ArgumentCompleter -Native -CommandName 'ucp-streams' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $words = @($commandAst.CommandElements |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object { if ($null -ne $_.Value) { "$($_.Value)" } else { $_.Extent.Text } })
    & ucp-streams __complete @words "=$wordToComplete" 2>$null | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        if (-not $help) { $help = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $help)
    }
}
